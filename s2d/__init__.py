"""s2d: an S2 (EN 50491-12-2) Resource Manager for the hardware around a small Linux gateway."""

__version__ = "0.1.0"
