"""The time zone of the host, by whatever says it."""

from pathlib import Path

import pytest

from s2d.host.time_zone import is_known, known_zones, zone_of_host


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    database = tmp_path / "zoneinfo" / "Europe"
    database.mkdir(parents=True)
    (database / "Brussels").touch()
    (database / "Amsterdam").symlink_to("Brussels")  # as some packages of the database have it
    (tmp_path / "localtime").symlink_to(database / "Amsterdam")
    (tmp_path / "timezone").write_text("Europe/Paris\n")
    return tmp_path


def found(etc: Path, tz: str | None = None) -> str:
    return zone_of_host(etc / "localtime", etc / "timezone", {} if tz is None else {"TZ": tz})


def test_it_is_the_one_that_etc_localtime_links_to_by_the_name_that_stands_there(etc: Path) -> None:
    assert found(etc) == "Europe/Amsterdam"


@pytest.mark.parametrize("tz", ["Europe/London", ":Europe/London"])
def test_the_environment_wins_as_for_every_other_program(etc: Path, tz: str) -> None:
    assert found(etc, tz) == "Europe/London"


@pytest.mark.parametrize("tz", ["", ":", "CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Atlantis", "/etc/passwd", "../x"])
def test_what_names_no_zone_is_passed_over(etc: Path, tz: str) -> None:
    assert found(etc, tz) == "Europe/Amsterdam"


@pytest.mark.parametrize("kind", ["a copy", "a link elsewhere", "nothing"])
def test_where_localtime_names_none_etc_timezone_does(etc: Path, kind: str) -> None:
    (etc / "localtime").unlink()
    if kind == "a copy":
        (etc / "localtime").write_bytes(b"TZif2")
    elif kind == "a link elsewhere":
        (etc / "localtime").symlink_to(etc / "timezone")
    assert found(etc) == "Europe/Paris"


@pytest.mark.parametrize("written", [None, b"", b"Europe/Atlantis\n", b"\xff\xfe"])
def test_where_nothing_names_one_it_is_utc(etc: Path, written: bytes | None) -> None:
    (etc / "localtime").unlink()
    (etc / "timezone").unlink()
    if written is not None:
        (etc / "timezone").write_bytes(written)
    assert found(etc) == "UTC"


def test_this_machine_knows_the_zones_of_its_database() -> None:
    assert {"Europe/Amsterdam", "Europe/London", "UTC"} <= set(known_zones())
    assert is_known("Europe/Amsterdam")
    assert not any(map(is_known, ("", "Europe", "Europe/Atlantis", "/etc/localtime", "../localtime", "x" * 300)))
