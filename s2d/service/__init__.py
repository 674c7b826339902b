"""The service: daemon, nodes and links, from start to stop."""
