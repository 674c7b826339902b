"""Lookalikes: characters out of web pages and word processors, which look like those that YAML wants. Pure."""

import re
from typing import NamedTuple

_SPACES = "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000"
_WITHOUT_WIDTH = "\u00ad\u200b\u2060\ufeff"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"
_CURES = {
    **dict.fromkeys(_SPACES, "Type a plain space"),
    **dict.fromkeys(_WITHOUT_WIDTH, "Leave it out"),
    **dict.fromkeys(_DASHES, "Type a plain -"),
    **dict.fromkeys("\u2018\u2019", "Type a plain '"),
    **dict.fromkeys("\u201c\u201d\u201e", 'Type a plain "'),
    "\uff1a": "Type a plain :",
}
_ODD_SPACES = _SPACES + _WITHOUT_WIDTH
_IN_NO_KEY = _ODD_SPACES + "\uff1a"
_STRUCTURAL = re.compile(
    rf"^[ -]*(?P<indent>[{_ODD_SPACES}])"
    rf"|^[ ]*(?P<dash>[{_DASHES}])(?=\s)"
    rf"|[:,{{\[] *(?P<gap>[{_ODD_SPACES}])"
    r"|: *(?P<quote>[\u2018\u201c\u201e])"
    r"|^[ ]*[\w ]+(?P<colon>\uff1a)",
    re.MULTILINE,
)
"""Where such a character stands in place of what holds a file together: indent, dash, colon, the gap behind, quotes."""


class Lookalike(NamedTuple):
    """A character that looks like another."""

    at: int
    """Where in the text it was looked for in."""
    char: str

    @property
    def name(self) -> str:
        from unicodedata import name as name_of  # 0.3 MB, for who has typed one

        name = name_of(self.char).lower()
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name} (U+{ord(self.char):04X})"

    @property
    def cure(self) -> str:
        return _CURES[self.char]


def structural_lookalike(text: str) -> Lookalike | None:
    """The first in *text* that stands where it breaks the file."""
    match = _STRUCTURAL.search(text)
    return Lookalike(match.start(match.lastgroup), match[match.lastgroup]) if match and match.lastgroup else None


def lookalike_in_key(key: str) -> Lookalike | None:
    """One in *key* that no key has."""
    found = next((at for at, char in enumerate(key) if char in _IN_NO_KEY or (at == 0 and char in _DASHES)), None)
    return None if found is None else Lookalike(found, key[found])


def lookalike_at_an_end(value: str) -> Lookalike | None:
    """A space at an end of *value*, whose owner saw none there."""
    ends = [at for at in (0, len(value) - 1) if value and value[at] in _ODD_SPACES]
    return Lookalike(ends[0], value[ends[0]]) if ends else None


def cure_of(written: str) -> str:
    """What to do about the first one in *written*; empty if there is none."""
    found = next((Lookalike(at, char) for at, char in enumerate(written) if char in _CURES), None)
    return f"It has {found.name}: {found.cure[0].lower()}{found.cure[1:]}" if found else ""
