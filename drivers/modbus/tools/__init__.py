"""For who works at a device: finding it, looking on, and a device that does not exist."""
