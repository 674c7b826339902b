"""Every S2 message as one Struct: what may be said, nothing about when or why."""
