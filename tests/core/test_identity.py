"""Who the resource is to its CEM: what the owner said, and what the device says of itself."""

from s2d.events import Identified
from s2d.rm.resource_manager import Identity
from s2d.s2.effects import (
    Connected,
    Effect,
)
from s2d.s2.messages.common import HandshakeResponse, ResourceManagerDetails

from .stage import Stage, said, told

DEVICE = Identified("Acme", "Wall 5", "A-1", "1.0")


def details(effects: list[Effect]) -> list[tuple[str | None, ...]]:
    return [
        (each.manufacturer, each.model, each.serial_number, each.firmware_version)
        for each in said(effects)
        if isinstance(each, ResourceManagerDetails)
    ]


def test_what_the_device_says_before_anybody_listens_is_told_with_the_details() -> None:
    stage = Stage()
    assert stage.on(DEVICE) == []
    assert details(stage.negotiated()) == [("Acme", "Wall 5", "A-1", "1.0")]


def test_what_the_device_says_later_introduces_it_again_once() -> None:
    stage = Stage()
    stage.on(Connected())
    assert stage.on(Identified("Acme")) == []
    effects = stage.hears(HandshakeResponse(message_id="version", selected_protocol_version="1.0.0"))
    assert details(effects) == [("Acme", None, None, None)]
    assert details(stage.on(DEVICE)) == [("Acme", "Wall 5", "A-1", "1.0")]
    assert told(stage.on(DEVICE)) == []
    assert details(stage.on(Identified("Acme", "Wall 5", "A-1", "1.1"))) == [("Acme", "Wall 5", "A-1", "1.1")]


def test_the_owners_word_stands() -> None:
    owner = Identity("battery-1", "Home battery", model="My wall", firmware_version="0.9")
    known = owner.completed_by(DEVICE)
    assert known == Identity("battery-1", "Home battery", "Acme", "My wall", "A-1", "0.9")
