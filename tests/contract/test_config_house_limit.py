"""The limit of the house in a configuration: what it comes to, what is refused, and what is warned of."""

from io import StringIO
from pathlib import Path

import pytest

from s2d.cli.check import summary
from s2d.config import draft
from s2d.config.last_good import files_of, keep, read_last_good
from s2d.host.console import rendered
from s2d.phases import PhaseRotation
from s2d.rm.house_limit import HeldDevice
from s2d.rm.kinds.head_room import HouseShare

CURRENTS = (
    "current_l1: {register: 11, unit: A}, current_l2: {register: 12, unit: A}, current_l3: {register: 13, unit: A}"
)
CHARGER = (
    "{name: %s, kind: ev_charger, driver: modbus, connection: {host: h, unit: %d}, max_current: 16 A%s, points: "
    "{status: {register: 1, values: {0: A, 1: B, 2: C}}, power: {register: 2, unit: W}, %s"
    "current_limit: {register: 4, unit: A, access: write}}}"
)


def charger(name: str = "Left", unit: int = 1, keys: str = "", points: str = CURRENTS) -> str:
    return CHARGER % (name, unit, f", {keys}" if keys else "", f"{points}, " if points else "")


def meter(points: str = CURRENTS, keys: str = "") -> str:
    return f"{{name: Meter, driver: modbus, connection: {{host: m}}, points: {{{points}}}{keys}}}"


def written(folder: Path, limit: str, *devices: str) -> Path:
    text = f"cem: {{url: 'ws://localhost:1'}}\nhouse_limit: {limit}\ndevices:\n"
    (folder / "s2d.yaml").write_text(text + "".join(f"- {each}\n" for each in devices))
    return folder


def test_it_comes_to_who_is_held_by_whose_meter_and_what_each_has_while_that_is_silent(tmp_path: Path) -> None:
    limit = "{current: 25 A, from: Meter, of: [Left, Right], unbalance: 20 A}"
    keys = "phases: 1, phase_rotation: L2 L3 L1, min_current: 8 A, safe_current: 10 A"
    turned = charger("Right", 2, keys, "current_l1: {register: 11, unit: A}")
    found = draft(written(tmp_path, limit, charger(), turned, meter()))
    assert found.problems == ()
    house = found.config.house
    assert house is not None
    assert (house.limit_a, house.meter, house.unbalance_a) == (25.0, "Meter", 20.0)
    assert house.held == (
        HeldDevice("Left", 3, PhaseRotation((1, 2, 3)), 6.0, 16.0),
        HeldDevice("Right", 1, PhaseRotation((2, 3, 1)), 8.0, 16.0),
    )
    assert {each.name: each.house for each in found.config.devices} == {
        "Left": HouseShare(6.0),
        "Right": HouseShare(10.0),
        "Meter": None,
    }


def test_what_all_have_in_any_case_has_to_fit_or_they_have_nothing(tmp_path: Path) -> None:
    limit = "{current: 16 A, of: [Left, Right]}"
    found = draft(written(tmp_path, limit, charger(keys="safe_current: 10 A"), charger("Right", 2)))
    assert found.problems == ()
    assert found.config.house is not None
    assert found.config.house.shares == {"Left": HouseShare(10.0), "Right": HouseShare(6.0)}
    found = draft(written(tmp_path, limit, charger(keys="safe_current: 11 A"), charger("Right", 2)))
    assert found.config.house is not None
    assert found.config.house.shares == {"Left": HouseShare(0.0), "Right": HouseShare(0.0)}
    assert [(each.where, each.what) for each in found.config.warnings if each.where.startswith("house")] == [
        (
            "house_limit: current",
            f'"{name}" gives nothing while nobody tells what is left: {safe} A of each are too much',
        )
        for name, safe in (("Left", 11), ("Right", 6))
    ]


@pytest.mark.parametrize(
    ("limit", "devices", "problem"),
    [
        ("{current: 25 A, of: []}", [charger()], "of"),
        ("{of: [Left]}", [charger()], 'missing key "current"'),
        ("{current: 25 A}", [charger()], 'missing key "of"'),
        ("{current: 25, of: [Left]}", [charger()], "current"),
        ("{current: 600 A, of: [Left]}", [charger()], "current"),
        ("{current: 25 A, of: [Left], meter: Meter}", [charger()], 'unknown key "meter"'),
        ("{current: 25 A, of: [Leftt]}", [charger()], 'no device is named "Leftt". Did you mean "Left"?'),
        ("{current: 25 A, of: [Left, Left]}", [charger()], '"Left" stands there twice'),
        (
            "{current: 25 A, of: [Meter]}",
            [meter()],
            '"Meter" gives points to others only; only an ev_charger can be held',
        ),
        ("{current: 25 A, of: [Left], from: Metre}", [charger(), meter()], 'no device is named "Metre"'),
        ("{current: 25 A, of: [Left], from: Left}", [charger()], '"Left" cannot be measured by itself'),
        ("{current: 5 A, of: [Left]}", [charger()], '5 A are less than the least of "Left", 6 A: it never charges'),
        (
            "{current: 25 A, of: [Left]}",
            [charger(points="")],
            '"Left" does not tell its current on each phase. It needs current_l1 and current_l2 and current_l3',
        ),
        (
            "{current: 25 A, of: [Left], from: Meter}",
            [charger(), meter("current_l1: {register: 1, unit: A}, power_l2: {register: 2, unit: W}")],
            '"Meter" does not tell the current of each phase. It needs current_l3: current_l1 to current_l3, else',
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(tmp_path: Path, limit: str, devices: list[str], problem: str) -> None:
    found = draft(written(tmp_path, limit, *devices))
    (said,) = [str(each) for each in found.problems]
    assert "house_limit" in said
    assert problem in said
    assert found.config.house is None


def test_a_charger_on_one_phase_may_tell_its_power_alone(tmp_path: Path) -> None:
    one = charger(keys="phases: 1", points="")
    metered = meter("power: {register: 1, unit: W}")
    found = draft(written(tmp_path, "{current: 25 A, of: [Left], from: Meter}", one, metered))
    assert found.problems == ()


def test_who_is_asked_seldom_is_warned_of(tmp_path: Path) -> None:
    limit = "{current: 25 A, of: [Left], from: Meter}"
    found = draft(written(tmp_path, limit, charger(keys="poll: 6 s"), meter(keys=", poll: 10 s")))
    assert [each.what for each in found.config.warnings if each.where.startswith("house")] == [
        '"Meter" is read every 10 s: for so long more may flow',
        '"Left" is read every 6 s: for so long more may flow',
    ]


def test_what_ran_last_is_held_when_it_is_made_safe(tmp_path: Path) -> None:
    state = tmp_path / "state"
    limit = "{current: 16 A, of: [Left, Right]}"
    found = draft(written(tmp_path, limit, charger(keys="safe_current: 11 A"), charger("Right", 2)))
    keep(state, files_of(found, tmp_path / "s2d.yaml"))
    last = read_last_good(state, tmp_path / "s2d.yaml")
    assert last.problems == ()
    assert [each.house for each in last.config.devices] == [HouseShare(0.0), HouseShare(0.0)]


def test_check_says_who_is_held_and_by_whose_meter(tmp_path: Path) -> None:
    limit = "{current: 25 A, from: Meter, of: [Left]}"
    lines = [rendered(line, StringIO()) for line in summary(draft(written(tmp_path, limit, charger(), meter())).config)]
    assert "house_limit: 25 A on each phase, by Meter; while nobody tells what is left: Left 6 A" in lines
    assert not [line for line in lines if "no CEM hears of it" in line]
