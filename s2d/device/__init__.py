"""A device: its map, what is read of it and when, what is written to it and how often."""
