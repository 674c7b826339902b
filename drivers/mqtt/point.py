"""MQTT point: the topic on which a point is heard, and how it is told something."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from ..payload.json_path import JsonPath
from ..payload.point import PayloadPoint
from ..payload.template import PayloadTemplate
from .connection import check_topic


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said to a device before a point of it is read, so that it tells it."""

    topic: Annotated[str, Meta(description="Where it listens; ~ at the start stands for base")]
    payload: Annotated[str, Meta(description="What is said")] = ""

    def __post_init__(self) -> None:
        check_topic(self.topic)


class ExpectedReply(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reply of a device to a setpoint: where it comes, and how it is told apart."""

    topic: Annotated[str, Meta(description="Where it comes; {client} stands for where we said that we listen")]
    id: Annotated[str, Meta(description="Where in it the {id} of what it answers is")] = "id"
    refused: Annotated[str, Meta(description="Where in it the device says why not")] = "error"

    def __post_init__(self) -> None:
        check_topic(self.topic)
        JsonPath.parse(self.id)
        JsonPath.parse(self.refused)


class MqttPoint(PayloadPoint, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a point that is heard on a topic, told something on one, or both."""

    topic: Annotated[str | None, Meta(description="Where it is heard; ~ at the start stands for base")] = None
    fresh: Annotated[
        Literal["message", "online", "kept"],
        Meta(
            description="What shows that a value still holds: a message that is sent as it changes (message), "
            "that the device is there (online), or that the broker keeps it (kept)"
        ),
    ] = "message"
    ask: Annotated[Question | None, Meta(description="What is said so that the device tells it")] = None
    set: Annotated[str | None, Meta(description="Topic on which it is written; ~ at the start stands for base")] = None
    qos: Annotated[
        Literal[0, 1] | None, Meta(description="Of what is written; default: 0, 1 where nothing shows that it arrived")
    ] = None
    retain: Annotated[bool, Meta(description="Has the broker keep what is written")] = False
    reply: Annotated[ExpectedReply | None, Meta(description="What the device answers to it")] = None

    def __post_init__(self) -> None:
        PayloadPoint.__post_init__(self)
        if self.is_readable and self.topic is None:
            raise ValueError("a point that is read needs a topic")
        if self.is_writable and self.set is None:
            raise ValueError("a point that is written needs set, the topic on which it is")
        for topic in (self.topic, self.set):
            if topic is not None:
                check_topic(topic)
        if self.reply and not PayloadTemplate.parse(self.payload).holds("id"):
            raise ValueError("a reply is told apart by the {id} in payload, which is missing")
        # Shelly's toggle_after is a time, beside what it shall become.
        if "toggle" in self.payload.casefold().replace("toggle_after", ""):
            raise ValueError("payload may arrive twice, so it cannot toggle; say what it shall become")

    @property
    def sent_with_qos(self) -> int:
        """By which quality of service it is written."""
        return self.qos if self.qos is not None else 1 if self.access == "write" and not self.reply else 0
