"""Power Profile Based Control (PPBC)."""
