"""SunSpec: how its models are defined, and where a device has them."""
