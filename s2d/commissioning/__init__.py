"""What the tools for work at the device have in common: visiting a device for a while, telling what was found there."""
