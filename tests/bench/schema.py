"""What checking messages takes with jsonschema, the way to do it without types: a line to compare with, no limit."""

import json
from collections.abc import Callable
from statistics import median

from s2d.s2.messages import wire
from s2d.s2.messages.vet import vet

from .run import REPOSITORY, Run, Unmeasured
from .samples import samples
from .stopwatch import loops_for, seconds_of
from .table import Row


def rows(run: Run) -> list[Row]:
    """Each type read by us, and parsed and validated against our schema of its type."""
    version = wire.VERSIONS[0]
    decode, validate = wire.decoder_of(version), _validators(version)

    def read(text: str) -> None:
        vet(text, decode(text))

    texts = {name: wire.encode(message).decode() for name, message in samples(version).items()}
    run.tell(f"validating {len(texts)} types of messages")
    costs = {name: _medians(run, read, validate[name], text) for name, text in texts.items()}
    ours, theirs = (median(column) for column in zip(*costs.values(), strict=True))
    times_faster = median(theirs / ours for ours, theirs in costs.values())
    return [
        Row(
            what=f"read: times faster than json and jsonschema, median of {len(costs)} types",
            unit="x",
            ours=times_faster,
        ),
        Row(what=f"read: median of {len(costs)} types", unit="µs", ours=ours),
        Row(what=f"json and jsonschema: median of {len(costs)} types", unit="µs", ours=theirs),
        *(
            Row(what=f"json and jsonschema: {name}", unit="µs", ours=theirs, is_detail=True)
            for name, (_, theirs) in costs.items()
        ),
    ]


def _validators(version: str) -> dict[str, Callable[[str], None]]:
    """Message type → what parses a frame and says whether it is one of these."""
    try:
        from jsonschema import Draft202012Validator, FormatChecker
    except ImportError as exc:
        raise Unmeasured("jsonschema is not installed: pip install s2d[test]") from exc
    whole = json.loads((REPOSITORY / "schemas" / "s2" / f"{version}.schema.json").read_text())

    def validator_of(name: str) -> Callable[[str], None]:
        schema = {"$ref": f"#/$defs/{name}", "$defs": whole["$defs"]}
        validate = Draft202012Validator(schema, format_checker=FormatChecker()).validate
        return lambda text: validate(json.loads(text))

    return {name: validator_of(name) for name in (wire.name_of(kind) for kind in wire.MESSAGES_OF[version])}


def _medians(
    run: Run, read: Callable[[str], object], validate: Callable[[str], object], text: str
) -> tuple[float, float]:
    """Microseconds of both, which take turns."""
    rounds, turn_s = (3, 0.003) if run.is_quick else (9, 0.01)
    loops, their_loops = loops_for(read, text, turn_s), loops_for(validate, text, turn_s)
    turns = [
        (seconds_of(read, text, loops) / loops * 1e6, seconds_of(validate, text, their_loops) / their_loops * 1e6)
        for _ in range(rounds)
    ]
    ours, theirs = zip(*turns, strict=True)
    return median(ours), median(theirs)
