"""What `s2d check` says of devices behind brokers, with where it stands."""

from pathlib import Path
from typing import Any

import pytest
from s2d_drivers.mqtt.config_checks import remarks
from s2d_drivers.mqtt.connection import MqttConnection, Presence
from s2d_drivers.mqtt.point import ExpectedReply, MqttPoint

from s2d.config import load
from s2d.errors import ConfigError


class Device:
    """A configured device."""

    name = "Garage"
    poll_s = 1.0
    refreshes = ()
    profile = part = None

    def __init__(self, points: dict[str, MqttPoint], **connection: Any) -> None:
        self.points = points
        self.connection = MqttConnection(**({"host": "10.0.0.2"} | connection))


ONLINE = {"online": (Presence(topic="lwt"),)}


@pytest.mark.parametrize(
    ("device", "keys", "what", "is_warning"),
    [
        (
            Device({}, username="s2d", password_file="secret"),
            ("connection", "tls"),
            "anybody on the way to the broker can read the password",
            True,
        ),
        (
            Device({"power": MqttPoint(topic="p", unit="W", fresh="online")}, **ONLINE),
            ("points", "power", "fresh"),
            "what changes all the time is not shown to hold by the device being there",
            False,
        ),
        (
            Device({"status": MqttPoint(topic="p", fresh="online")}),
            ("points", "status", "fresh"),
            "nothing says whether the device is there",
            False,
        ),
        (
            Device({"limit": MqttPoint(topic="p", set="s", retain=True, access="read_write")}),
            ("points", "limit", "retain"),
            "the broker tells the device again what it keeps, however old, whenever that connects",
            True,
        ),
        (
            Device({"limit": MqttPoint(set="s", access="write")}),
            ("points", "limit"),
            "that the broker took it does not show that the device did",
            True,
        ),
    ],
)
def test_it_is_remarked(device: Device, keys: tuple[str, ...], what: str, is_warning: bool) -> None:
    assert [each[:3] + each[4:] for each in remarks([device])] == [("Garage", keys, what, is_warning)]


@pytest.mark.parametrize(
    "device",
    [
        Device({}, username="s2d", password_file="secret", tls=True),
        Device({}, username="s2d", password_file="secret", host="localhost"),
        Device({"status": MqttPoint(topic="p", fresh="online"), "power": MqttPoint(topic="w", unit="W")}, **ONLINE),
        Device({"limit": MqttPoint(topic="p", set="s", unit="A", fresh="online", access="read_write")}, **ONLINE),
        Device({"on": MqttPoint(set="s", payload="[{id},{value}]", reply=ExpectedReply(topic="r"), access="write")}),
    ],
)
def test_nothing_is_wrong(device: Device) -> None:
    assert [*remarks([device])] == []


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "needs a topic"),
        ({"topic": "a/+"}, "without the wildcards"),
        ({"topic": ""}, "cannot be empty"),
        ({"topic": "a", "access": "read_write"}, "needs set"),
        ({"set": "a", "access": "write", "payload": "toggle {value}"}, "cannot toggle"),
        (
            {"set": "a", "access": "write", "reply": ExpectedReply(topic="r")},
            r"the \{id\} in payload, which is missing",
        ),
    ],
)
def test_a_point_that_makes_no_sense_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MqttPoint(**settings)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"base": "a/#"}, "without the wildcards"),
        ({"ca_file": "x"}, "say tls: true"),
        ({"tls": True, "cert_file": "x"}, "go together"),
        ({"password_file": "x"}, "needs username"),
    ],
)
def test_a_connection_that_makes_no_sense_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MqttConnection(host="x", **settings)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("ask: {topic: m, every: 0 s}", "every: must be from 1 s to 1 d"),
        ("alive: {topic: m, within: 0 s}", "within: must be from 1 s to 1 d"),
        ('client_id: "a/#"', "client_id: "),
    ],
)
def test_what_would_flood_or_be_heard_by_all_is_refused(tmp_path: Path, keys: str, why: str) -> None:
    (tmp_path / "s2d.yaml").write_text(
        "devices:\n  - {name: Plug, driver: mqtt, connection: {host: x, " + keys + "}, points: {on: {topic: m}}}\n"
    )
    with pytest.raises(ConfigError) as raised:
        load(tmp_path)
    assert why in str(raised.value)
