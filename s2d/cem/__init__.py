"""A small Customer Energy Manager (CEM) to commission and test with; not an optimiser."""
