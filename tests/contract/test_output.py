"""Nothing in s2d prints but the console, which makes all that it prints printable."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONSOLE = "s2d/host/console.py"
ABOVE_A_PROMPT = "s2d/cem/terminal.py"
"""What prompt_toolkit prints, it prints above the prompt; what we hand it has been made printable by `view`."""

OWN_WORDS = {"s2d/s2/messages/schema.py", "s2d/s2/rules/__main__.py"}
"""Run by `python -m`, they print what stands in our own code."""


def test_nothing_prints_but_the_console() -> None:
    printing = {
        str(file.relative_to(ROOT))
        for folder in ("s2d", "drivers")
        for file in sorted((ROOT / folder).rglob("*.py"))
        if any(prints(file.read_text(encoding="utf-8")))
    }
    assert printing == {CONSOLE, ABOVE_A_PROMPT, *OWN_WORDS}


def test_printing_is_found_however_it_is_written() -> None:
    for line in ("print(1)", "sys.stdout.write('a')", "stderr.write('a')", "f(print)"):
        assert any(prints(line)), line
    assert not any(prints("show('a'); print_problems(); sys.stdout.flush(); file.write('a')"))


def prints(text: str) -> Iterator[bool]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id="print"):
                yield True
            case ast.Attribute(value=stream, attr="write") if ast.unparse(stream).endswith(("stdout", "stderr")):
                yield True
