"""How long it takes to read and write each type of message that s2-python can read, too; checks included."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Union

import msgspec

from s2d.s2.messages import wire
from s2d.s2.messages.vet import vet

from .patterned import patterned
from .run import REPOSITORY, Run, Unmeasured, started
from .samples import samples
from .stopwatch import loops_for, seconds_of
from .table import Row

TIMES_FASTER = 5.0
TIMES_BARE = 1.6


class _Cost(NamedTuple):
    """Seconds of one call."""

    ours: float
    peer: float
    floor: float


def rows(run: Run) -> list[Row]:
    """The medians over types, then each type."""
    messages = samples()
    texts = {name: wire.encode(message).decode() for name, message in messages.items()}
    version = wire.VERSIONS[0]
    known, our_decode = wire.MESSAGES_OF[version], wire.decoder_of(version)
    bare_decode = msgspec.json.Decoder(Union[known]).decode  # noqa: UP007 (of a tuple)
    strict_decode = msgspec.json.Decoder(Union[tuple(map(patterned, known))]).decode  # noqa: UP007 (of a tuple)
    bare_encode = msgspec.json.Encoder().encode

    def our_read(text: str) -> None:
        vet(text, our_decode(text))

    command: list[str | Path] = [run.peer_python, "-m", "tests.bench.peers.codec"]
    with started(command, "the peer", cwd=REPOSITORY) as process:
        peer = _Peer(process, texts)
        texts = {name: texts[name] for name in peer.known}
        messages = {name: messages[name] for name in peer.known}
        run.tell(f"reading {len(texts)} types of messages")
        reading = {name: _cost(run, peer, "decode", name, our_read, bare_decode, text) for name, text in texts.items()}
        run.tell(f"reading {len(texts)} types of messages whose ids msgspec checks")
        strictly = {
            name: _cost(run, peer, "decode", name, our_read, strict_decode, text) for name, text in texts.items()
        }
        run.tell(f"decoding {len(texts)} types of messages")
        decoding = {
            name: _cost(run, peer, "decode", name, our_decode, bare_decode, text) for name, text in texts.items()
        }
        run.tell(f"encoding {len(texts)} types of messages")
        encoding = {
            name: _cost(run, peer, "encode", name, wire.encode, bare_encode, message)
            for name, message in messages.items()
        }
    return [
        *_summary("read", reading),
        _beside_bare("read: times bare msgspec that checks ids by a pattern", strictly, at_most=TIMES_BARE),
        _beside_bare("read: times bare msgspec that does not check ids", reading),
        _beside_bare("decode, the shape alone: times bare msgspec", decoding, at_most=TIMES_BARE),
        *_summary("encode", encoding),
        *_details("read", reading),
        *_details("encode", encoding),
    ]


class _Peer:
    """s2-python, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], texts: dict[str, str]) -> None:
        self._process = process
        self.known: list[str] = self._ask({"texts": texts})
        """The types of *texts* it can read."""

    def seconds_of(self, what: str, name: str, loops: int) -> float:
        return float(self._ask({"what": what, "name": name, "loops": loops}))

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise Unmeasured("the peer gave no answer")
        return json.loads(answer)


def _cost(
    run: Run, peer: _Peer, what: str, name: str, ours: Callable[[Any], object], bare: Callable[[Any], object], of: Any
) -> _Cost:
    """Medians over rounds; in each round all three have their turn, so that a slow moment slows all."""
    rounds, turn_s = (3, 0.003) if run.is_quick else (9, 0.01)
    loops = loops_for(ours, of, turn_s)
    peer_loops = max(1, loops // 5)
    turns = [
        (
            seconds_of(ours, of, loops) / loops,
            peer.seconds_of(what, name, peer_loops) / peer_loops,
            seconds_of(bare, of, loops) / loops,
        )
        for _ in range(rounds)
    ]
    return _Cost(*map(median, zip(*turns, strict=True)))


def _summary(what: str, costs: dict[str, _Cost]) -> list[Row]:
    times_faster = median(cost.peer / cost.ours for cost in costs.values())
    floor_times_faster = median(cost.peer / cost.floor for cost in costs.values())
    middle = _Cost(*(median(column) for column in zip(*costs.values(), strict=True)))
    return [
        Row(
            what=f"{what}: times faster than s2-python, median of {len(costs)} types",
            unit="x",
            ours=times_faster,
            peer=1.0,
            floor=floor_times_faster,
            at_least=TIMES_FASTER,
        ),
        _row(f"{what}: median of {len(costs)} types", middle),
        _row(f"{what}: FRBC.Instruction", costs["FRBC.Instruction"]),
    ]


def _beside_bare(what: str, costs: dict[str, _Cost], at_most: float | None = None) -> Row:
    return Row(
        what=f"{what}, median of {len(costs)} types",
        unit="x",
        ours=median(cost.ours / cost.floor for cost in costs.values()),
        peer=median(cost.peer / cost.floor for cost in costs.values()),
        floor=1.0,
        at_most=at_most,
    )


def _details(what: str, costs: dict[str, _Cost]) -> list[Row]:
    shares = (
        Row(
            what=f"{what}: {name}, times faster",
            unit="x",
            ours=cost.peer / cost.ours,
            peer=1.0,
            floor=cost.peer / cost.floor,
            is_detail=True,
        )
        for name, cost in costs.items()
    )
    return [
        row
        for (name, cost), share in zip(costs.items(), shares, strict=True)
        for row in (_row(f"{what}: {name}", cost, is_detail=True), share)
    ]


def _row(what: str, cost: _Cost, *, is_detail: bool = False) -> Row:
    ours, peer, floor = (seconds * 1e6 for seconds in cost)
    return Row(what=what, unit="µs", ours=ours, peer=peer, floor=floor, is_detail=is_detail)
