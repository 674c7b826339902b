"""A small energy manager (CEM) to commission and test with; not an optimiser."""
