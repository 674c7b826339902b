"""Text from outside, made fit to be shown: what a device, a CEM or a file says steers no terminal and forges no line.

Pure.
"""

import json
import re

_PLAIN = re.compile(r"[A-Za-z0-9_./](?:[A-Za-z0-9_./+ -]*[A-Za-z0-9_./+-])?")
"""What needs no quotes in YAML, unless it can be taken for something else than text."""
_NO_TEXT = re.compile(
    r"null|true|false|yes|no|on|off|0[xo][0-9a-f]+|\.(?:inf|nan)|\.\.\.|\d{4}-\d\d?-\d\d?.*"
    r"|(?:[\d_]+(?:\.[\d_]*)?|\.[\d_]+)(?:e[-+]?\d+)?",
    re.IGNORECASE,
)
"""What one of its readers takes for something else. Spec: YAML 1.2.2, section 10.3.2; YAML 1.1, language-independent
types.
"""


def printable(text: str) -> str:
    """*text* on one line, where whatever cannot be seen or steers a terminal is written as JSON would escape it.

    That is each control character, each format character (those that turn the direction of writing, and those without
    width), each separator but the space, half characters, and what Unicode does not know. What is printable already
    stays as it is, and a line of JSON still says the same.
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def printable_json(line: bytes) -> bytes:
    """*line*, which is JSON, made printable; it says the same."""
    return printable(line.decode()).encode()


def yaml_text(text: str) -> str:
    """*text* as one printable scalar of YAML, which reads back as the very same text; in quotes where it needs them."""
    if _PLAIN.fullmatch(text) and not _NO_TEXT.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    # YAML has no pairs of halves for what lies beyond the first plane.
    return printable(
        "".join(char if char.isprintable() or char <= "\uffff" else f"\\U{ord(char):08x}" for char in quoted)
    )


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1]
