"""The messages of S2, every one a Struct: what may be said, nothing about when or why."""
