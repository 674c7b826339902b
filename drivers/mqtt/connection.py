"""MQTT connection: the broker, and how a device behind it is known to be there."""

from typing import Annotated, NamedTuple

from msgspec import Meta, Struct, field

from s2d.quantities import Duration, limits

from ..payload.json_path import JsonPath

ONLINE = ("online", "true", "1", "on", "connected")
LONGEST_TOPIC = 32_000
"""Bytes of a topic as it is written; with what ~ and {client} stand for it still fits MQTT's 65 535."""


class Presence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic that says whether the device, or a bridge on the way to it, is there."""

    topic: Annotated[str, Meta(description="Where that is said; ~ at the start stands for base")]
    json: Annotated[str | None, Meta(description="Where in a message of JSON it is said")] = None
    is_: Annotated[tuple[str, ...], Meta(description="What means that it is there, without regard to case")] = field(
        default=ONLINE, name="is"
    )
    optional: Annotated[bool, Meta(description="As long as nothing is said it is taken to be there")] = False

    def __post_init__(self) -> None:
        check_topic(self.topic)
        if self.json is not None:
            JsonPath.parse(self.json)


class SignOfLife(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A topic on which the device says something every now and then, whatever it is."""

    topic: Annotated[str, Meta(description="Where it says something; ~ at the start stands for base")]
    within: Annotated[Duration, Meta(description="It is away after so long without", extra=limits("1 s", "1 d"))] = (
        Duration(60)
    )

    def __post_init__(self) -> None:
        check_topic(self.topic)


class Greeting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said to a device once there is a connection to its broker, and every so often from then on."""

    topic: Annotated[str, Meta(description="Where it listens; ~ at the start stands for base")]
    payload: Annotated[str, Meta(description="What is said first")] = ""
    then: Annotated[str | None, Meta(description="What is said from then on; default: the same")] = None
    every: Annotated[
        Duration | None,
        Meta(description="How often; default: once after each connecting", extra=limits("1 s", "1 d")),
    ] = None

    def __post_init__(self) -> None:
        check_topic(self.topic)
        if self.then is not None and self.every is None:
            raise ValueError("then says what is said again, so it needs every")


class Broker(NamedTuple):
    """A broker, and as whom one speaks to it: devices with the same share one connection."""

    host: str
    port: int
    is_tls: bool
    ca_file: str | None
    cert_file: str | None
    key_file: str | None
    username: str | None
    password_file: str | None
    client_id: str | None


class MqttConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the device is: a broker, and the topics by which it is known to be there."""

    host: Annotated[str, Meta(min_length=1, description="Name or address of the broker")]
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port; default: 1883, with TLS 8883")] | None = None
    tls: Annotated[bool, Meta(description="Speak TLS, and trust only whom the system or ca_file trusts")] = False
    ca_file: Annotated[str | None, Meta(description="Certificates to trust, in PEM, instead of the system's")] = None
    cert_file: Annotated[str | None, Meta(description="Our own certificate, in PEM")] = None
    key_file: Annotated[str | None, Meta(description="Its key")] = None
    username: Annotated[str | None, Meta(description="As whom to speak to the broker")] = None
    password_file: Annotated[str | None, Meta(description="File whose first line is the password")] = None
    client_id: Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]{1,64}$", description="Default: made by s2d")] | None = None
    base: Annotated[str, Meta(description="What ~ at the start of a topic stands for")] = ""
    online: Annotated[tuple[Presence, ...], Meta(description="All have to say that the device is there")] = ()
    alive: Annotated[SignOfLife | None, Meta(description="Where one can hear that it lives")] = None
    ask: Annotated[Greeting | None, Meta(description="What has to be said so that it speaks at all")] = None

    def __post_init__(self) -> None:
        if self.base:
            check_topic(self.base)
        if not self.tls and (self.ca_file or self.cert_file):
            raise ValueError("ca_file and cert_file are of TLS: say tls: true")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file needs username")

    @property
    def broker(self) -> Broker:
        """Whom to connect to, and as whom."""
        return Broker(
            self.host,
            self.port or (8883 if self.tls else 1883),
            self.tls,
            self.ca_file,
            self.cert_file,
            self.key_file,
            self.username,
            self.password_file,
            self.client_id,
        )

    @property
    def place(self) -> str:
        """Where it is, for people."""
        at = f"MQTT at {self.broker.host}:{self.broker.port}"
        return f"{self.base} by {at}" if self.base else at

    def topic(self, written: str) -> str:
        """The topic that is *written*, with what ~ stands for."""
        return self.base + written.removeprefix("~") if written.startswith("~") else written


def check_topic(topic: str) -> None:
    """Raises: ValueError: nothing can be heard or said there, or it would break the connection of all devices."""
    if not topic:
        raise ValueError("a topic cannot be empty")
    if any(sign in topic for sign in "+#\0"):
        raise ValueError(f"topic {topic!r}: name one topic, without the wildcards + and #")
    if len(topic.encode()) > LONGEST_TOPIC:
        raise ValueError(f"a topic of {len(topic.encode())} bytes is too long")
