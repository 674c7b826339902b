"""What the tools share, as far as it needs no device: the daemon beside them, their tables, their recordings."""

import pytest

from s2d.fieldwork.company import daemon_at_work, warning
from s2d.fieldwork.table import shown, table


def processes(folder, **cmdlines):
    for pid, cmdline in cmdlines.items():
        place = folder / pid.removeprefix("p")
        place.mkdir()
        (place / "cmdline").write_bytes(b"\0".join(word.encode() for word in cmdline) + b"\0")
    return folder


@pytest.mark.parametrize(
    ("cmdline", "is_daemon"),
    [
        (["/usr/bin/python3", "/opt/s2d/bin/s2d", "run", "-c", "/etc/s2d"], True),
        (["python", "-m", "s2d", "run"], True),
        (["python", "/opt/lib/s2d/__main__.py", "run"], True),
        (["python", "-m", "s2d", "read", "run"], False),
        (["vi", "s2d"], False),
        (["mypy", "__main__.py", "run"], False),
    ],
)
def test_a_daemon_is_known_by_its_command_line(tmp_path, cmdline, is_daemon):
    found = daemon_at_work(processes(tmp_path, p12=["sh"], p345=cmdline))
    assert found == (345 if is_daemon else None)


def test_a_daemon_is_a_reason_for_a_warning():
    assert warning("tcp 10.0.0.5 502", None) == ""
    assert warning("tcp 10.0.0.5 502", 345) == (
        "s2d run is at work here (process 345). It may write something else at any time, and if tcp 10.0.0.5 502 "
        "serves one client only, one of the two is turned away; better stop it first: systemctl stop s2d"
    )


def test_columns_are_as_wide_as_they_must_be():
    assert table(("NAME", ">VALUE"), [("soc", "5"), ("power_setpoint", "-12345")]) == [
        "NAME             VALUE",
        "soc                  5",
        "power_setpoint  -12345",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (True, "true"), (50.0, "50"), (0.1 + 0.2, "0.3"), (3001234567, "3001234567")]
)
def test_values_are_shown_as_people_write_them(value, text):
    assert shown(value) == text
