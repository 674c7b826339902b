"""The same promises, for a fuzzer guided by coverage: `python -m tests.fuzz.atheris_handling [CORPUS] [-runs=N]`.

A conversation is a byte for the phase, then frames with RECORD between them; a frame that is no UTF-8 is a binary one,
and an empty one is a second that passes.
"""

import sys

from .trial import PHASES, Trial

RECORD = b"\x1e"


def one_conversation(octets: bytes) -> None:
    """Lives through the conversation in *octets*; raises AssertionError where a promise is broken."""
    trial = Trial(PHASES[octets[0] % len(PHASES)] if octets else PHASES[0])
    for frame in octets[1:].split(RECORD):
        if not frame:
            trial.passes(1.0)
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
