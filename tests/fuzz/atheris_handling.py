"""The same promises, for a fuzzer guided by coverage: `python -m tests.fuzz.atheris_handling [CORPUS] [-runs=N]`.

A conversation is a byte for the phase and the resource, then frames with RECORD between them; a frame that is no UTF-8
is a binary one, an empty one is a second that passes, and one of a single character is an order or a reading.
"""

import sys

from s2d.s2.messages import wire

from .parts import PARTS
from .trial import PHASES, Trial

RECORD = b"\x1e"


def one_conversation(octets: bytes) -> None:
    """Lives through the conversation in *octets*; raises AssertionError where a promise is broken."""
    phase, part = divmod(octets[0] if octets else 0, len(PARTS))
    trial = Trial(PHASES[phase % len(PHASES)], PARTS[part]())
    for count, frame in enumerate(octets[1:].split(RECORD)):
        if not frame:
            trial.passes(1.0)
            continue
        if len(frame) == 1 and (choice := frame[0]) < 128:
            trial.receives(wire.encode(trial.part.order(f"order-{count}", choice)).decode())
            continue
        if len(frame) == 1:
            trial.measures(trial.part.readings(frame[0]))
            continue
        try:
            trial.receives(frame.decode())
        except UnicodeDecodeError:
            trial.receives(frame)
    trial.goes_on()


def main() -> None:
    try:
        import atheris
    except ImportError as exc:
        raise SystemExit("atheris is not installed: pip install atheris (needs clang)") from exc
    atheris.instrument_all()
    atheris.Setup(sys.argv, one_conversation)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
