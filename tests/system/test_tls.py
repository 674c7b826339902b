"""TLS with a CEM: why there is no trust, in words, and certificates that are changed while the daemon runs."""
