"""Has a device do at once what it is there for, within all limits and whatever is ordered: charge the car, say."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import DecodeError

from ..commissioning.columns import aligned
from ..commissioning.device_visit import NoSuchDevice
from ..commissioning.in_words import span_text
from ..config import draft
from ..host import control_socket
from ..host.console import complain, show
from ..observe.read_models import WishStatus
from ..quantities import Duration
from ..rm.kinds.owners_wish import LASTS_AT_MOST_S
from ..service.owner_requests import (
    OwnerAnswer,
    OwnerRequest,
    ShowWishes,
    WantNoMore,
    WantNow,
    answer_in,
    question_of,
)
from . import add_config_argument

_WORDS = 'say nothing further, "for 2 h", or "stop"'


def add_arguments(parser: ArgumentParser) -> None:
    add_config_argument(parser)
    parser.add_argument(
        "device", metavar="DEVICE", nargs="?", help="its name in the configuration; default: say how all stand"
    )
    parser.add_argument(
        "words",
        metavar="for TIME | stop",
        nargs="*",
        help="for how long at most, such as for 2 h; else until it is done, "
        f"{span_text(LASTS_AT_MOST_S)} at most. Or that it is wanted no more",
    )


def run(args: Namespace) -> int:
    """Returns 0, 1 where it cannot be done or no `s2d run` is at work, 2 for another device or other words."""
    state_dir = draft(args.config).config.gateway.state_dir
    try:
        request = _request(args.device, args.words) if args.device else None
        wishes = _asked(state_dir, ShowWishes()).wishes
        if request is None:
            show(*aligned([*_rows(wishes)]))
            return 0
        if request.device not in wishes:
            raise NoSuchDevice(request.device, [*wishes])
        if problem := _asked(state_dir, request).problem:
            complain(f"s2d now: {request.device}: {problem}")
            return 1
    except (NoSuchDevice, ValueError) as exc:
        complain(f"s2d now: {exc}")
        return 2
    except OSError as exc:
        complain(f"s2d now: {_why(exc, state_dir)}")
        return 1
    why_less = wish.why_less if (wish := wishes[request.device]) and isinstance(request, WantNow) else None
    show(f"{request.device}: {_told(request)}{_limited(why_less)}")
    return 0


def _request(device: str, words: Sequence[str]) -> WantNow | WantNoMore:
    """What *words* ask for of *device*. Raises: ValueError: they cannot be meant."""
    match words:
        case []:
            return WantNow(device, LASTS_AT_MOST_S)
        case ["stop"]:
            return WantNoMore(device)
        case ["for", *span] if span:
            for_s = float(Duration.parse(" ".join(span)))
            if not 0 < for_s <= LASTS_AT_MOST_S:
                raise ValueError(f"for how long it is wanted is more than 0 s and {span_text(LASTS_AT_MOST_S)} at most")
            return WantNow(device, for_s)
    raise ValueError(f'"{" ".join(words)}" means nothing here; {_WORDS}')


def _asked(state_dir: Path, request: OwnerRequest) -> OwnerAnswer:
    """Raises: OSError: nobody answers, or in words of another version."""
    try:
        return answer_in(control_socket.ask(state_dir, question_of(request)))
    except DecodeError as exc:
        raise OSError(None, f"the s2d run at work is of another version: {exc}") from exc


def _why(exc: OSError, state_dir: Path) -> str:
    if isinstance(exc, FileNotFoundError | NotADirectoryError | ConnectionRefusedError):
        return (
            f"no s2d run is at work whose state is in {state_dir}. STATE_DIRECTORY or gateway: state_dir says another"
        )
    if isinstance(exc, PermissionError):
        return f"s2d run is asked by its own user and by root alone: {state_dir / control_socket.SOCKET}"
    return exc.strerror or str(exc)


def _told(request: WantNow | WantNoMore) -> str:
    if isinstance(request, WantNoMore):
        return "wanted no more; what is ordered counts again"
    return f"wanted now, until it is done, for {span_text(request.for_s)} at most"


def _limited(why_less: str | None) -> str:
    return f"; {why_less}" if why_less else ""


def _rows(wishes: Mapping[str, WishStatus | None]) -> Iterator[tuple[str, str]]:
    for device, wish in wishes.items():
        if wish is None:
            yield device, "nothing can be wanted of it but what its CEM orders"
        elif wish.is_wanted:
            left = "" if wish.left_s is None else f", for {span_text(max(1, round(wish.left_s / 60)) * 60)} at most"
            yield device, f"wanted now, until it is done{left}{_limited(wish.why_less)}"
        else:
            yield device, f"not now: {wish.why_not}" if wish.why_not else "as ordered; it can be wanted now"
