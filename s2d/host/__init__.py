"""The host: its clock, log, disk and service manager, and what is kept on the disk."""
