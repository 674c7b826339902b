"""The host: its clock, its log, its disk, its service manager."""
