"""Power Envelope Based Control (PEBC)."""
