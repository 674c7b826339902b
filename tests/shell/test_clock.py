"""Whether the clock of the host is kept right."""

from pathlib import Path

from s2d.host.clock import is_synchronised


def test_who_keeps_it_right_says_so(tmp_path: Path) -> None:
    marker = tmp_path / "synchronized"
    marker.touch()
    assert is_synchronised(marker) is True
