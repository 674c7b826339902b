"""Requests of an owner to the daemon by its control socket: that a device does its work now, and how that stands."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ..observe.read_models import WishStatus
from ..s2.effects import WishDropped, Wished
from .node import Node


class WantNow(Struct, frozen=True, tag="now"):
    """He wants a device to do now what it is there for."""

    device: str
    for_s: Annotated[float, Meta(gt=0)]
    """For so long at most."""


class WantNoMore(Struct, frozen=True, tag="stop"):
    """He does not want that any more."""

    device: str


class ShowWishes(Struct, frozen=True, tag="wishes"):
    """What does he want, and of which devices could he?"""


OwnerRequest = WantNow | WantNoMore | ShowWishes


class OwnerAnswer(Struct, frozen=True, omit_defaults=True):
    """The answer to one of them."""

    problem: str = ""
    """Why it is not done; empty: it is."""
    wishes: dict[str, WishStatus | None] = {}
    """By device; None: nothing can ever be wanted of it."""


def question_of(request: OwnerRequest) -> bytes:
    """*request* as a line."""
    return msgspec.json.encode(request)


def answer_in(line: bytes) -> OwnerAnswer:
    """The answer in *line*. Raises: msgspec.DecodeError: there is none, it is of another version."""
    return msgspec.json.decode(line, type=OwnerAnswer)


def answer_to(line: bytes, nodes: Mapping[str, Node | None]) -> bytes:
    """What is answered to *line*; *nodes* by device, where None has no CEM, or is just being started."""
    try:
        request = msgspec.json.decode(line, type=OwnerRequest)
    except msgspec.DecodeError as exc:
        return msgspec.json.encode(OwnerAnswer(f"that is no request that this version knows: {exc}"))
    if isinstance(request, ShowWishes):
        wishes = {name: node.status().control.wish if node else None for name, node in nodes.items()}
        return msgspec.json.encode(OwnerAnswer(wishes=wishes))
    return msgspec.json.encode(OwnerAnswer(_done(request, nodes)))


def _done(request: WantNow | WantNoMore, nodes: Mapping[str, Node | None]) -> str:
    """Has it done; why that cannot be, or nothing."""
    if request.device not in nodes:
        return "there is no such device"
    node = nodes[request.device]
    if node is None:
        return "no CEM hears of it, or it is just being started: there is nothing that could be wanted of it"
    wish = node.status().control.wish
    if wish is None:
        return "nothing can be wanted of such a device but what its CEM orders"
    if isinstance(request, WantNoMore):
        node.post(WishDropped())
        return ""
    if wish.why_not:
        return wish.why_not
    node.post(Wished(request.for_s))
    return ""
