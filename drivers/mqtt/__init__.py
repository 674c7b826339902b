"""MQTT devices: points in messages of a broker, which they send unasked."""

from .driver import Mqtt

__all__ = ["Mqtt"]
