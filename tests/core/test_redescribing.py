"""A CEM that plans only when a description arrives, and only if it knows the fill level by then."""

import pytest
from msgspec.structs import replace

from s2d.s2.messages import frbc
from s2d.s2.messages.common import NumberRange

from .resources_modes import Play, Tank
from .stage import said, told
from .test_frbc_storage import DESCRIBED, tank

AGAIN = ["FRBC.SystemDescription"]


@pytest.mark.parametrize(
    ("says_hello", "decided", "is_told_again"),
    [(True, None, False), (False, None, True), (True, True, True), (False, False, False)],
)
def test_a_cem_without_a_handshake_of_its_own_is_described_the_storage_once_more(
    says_hello: bool, decided: bool | None, is_told_again: bool
) -> None:
    play = Play(Tank(), says_hello=says_hello, decided={"redescribe_after_status": decided})
    effects = play.connected()
    assert told(effects) == ["ReceptionStatus OK", *DESCRIBED, *(AGAIN if is_told_again else [])]
    assert told(play.after(86_000)) == []


def test_the_second_description_differs_from_the_first_by_its_message_id_alone() -> None:
    effects = Play(Tank(provides=("leakage",)), says_hello=False).connected()
    first, second = (message for message in said(effects) if isinstance(message, frbc.SystemDescription))
    assert first.message_id != second.message_id
    assert replace(second, message_id=first.message_id) == first


def test_it_is_told_once_in_every_activation() -> None:
    play = Play(Tank(), says_hello=False)
    assert told(play.connected()).count(*AGAIN) == 2
    assert told(play.selected()).count(*AGAIN) == 2
    play.left()
    assert told(play.connected()).count(*AGAIN) == 2


def test_another_handshake_is_another_cem() -> None:
    play = Play(Tank(), says_hello=True)
    assert told(play.connected()).count(*AGAIN) == 1
    play.left()
    play.says_hello = False
    assert told(play.connected()).count(*AGAIN) == 2


def test_what_is_told_later_is_told_of_what_was_described() -> None:
    play = Play(Tank(), says_hello=False)
    play.connected()
    assert told(play.seen(pump="on 1")) == ["FRBC.ActuatorStatus", "FRBC.TimerStatus"]
    assert told(play.orders("on 0.5", of="rod", name="rod"))[0] == "ReceptionStatus OK"
    # A storage that has changed is described once: its fill level is known by now.
    tank(play).range = NumberRange(start_of_range=10.0, end_of_range=90.0)
    assert told(play.seen()).count(*AGAIN) == 1
