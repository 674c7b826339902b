"""Checks of devices behind brokers: what `s2d check` says of them."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from s2d.driver import AttachedDevice, Remark

from .connection import MqttConnection
from .point import MqttPoint

_NEVER_STEADY = ("power", "current", "voltage")
"""What is measured so changes all the time: that the device is there does not show that it still holds. What is written
stays as it is until it is written again."""

Device = AttachedDevice[MqttConnection, MqttPoint]


def remarks(devices: Iterable[Device]) -> Iterator[Remark]:
    """Where *devices* could be believed or told wrongly."""
    for device in devices:
        yield from _of_connection(device)
        for name, point in device.points.items():
            yield from _of_point(device, name, point)


def _of_connection(device: Device) -> Iterator[Remark]:
    connection = device.connection
    if connection.password_file is not None and not connection.tls and not _is_here(connection.host):
        what = "anybody on the way to the broker can read the password"
        yield Remark(device.name, ("connection", "tls"), what, "Say tls: true", is_warning=True)


def _of_point(device: Device, name: str, point: MqttPoint) -> Iterator[Remark]:
    where = ("points", name)
    if point.fresh == "online" and point.dimension in _NEVER_STEADY and not point.is_writable:
        what = "what changes all the time is not shown to hold by the device being there"
        yield Remark(device.name, (*where, "fresh"), what, "Leave `fresh` out")
    if point.fresh == "online" and not device.connection.online and not device.connection.alive:
        what = "nothing says whether the device is there"
        yield Remark(device.name, (*where, "fresh"), what, "Say in `connection` what is `online` or `alive`")
    if point.retain and point.is_writable:
        what = "the broker tells the device again what it keeps, however old, whenever that connects"
        yield Remark(device.name, (*where, "retain"), what, "Leave `retain` out", is_warning=True)
    if point.access == "write" and not point.reply:
        what = "that the broker took it does not show that the device did"
        hint = "Say where it can be read (access: read_write), or what it replies (reply)"
        yield Remark(device.name, where, what, hint, is_warning=True)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
