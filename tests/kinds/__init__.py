"""Stories of the kinds of devices, each as it is configured, in virtual time."""
