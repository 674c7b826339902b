"""The device: what it is made of, what is read of it and when, what is written to it and how often."""
