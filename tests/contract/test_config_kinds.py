"""What `s2d check` says of the kinds beside the battery: what is wrong, what is unwise, what is out of reach."""

from pathlib import Path

import pytest

from s2d.config import load
from s2d.errors import ConfigError

HEAD = """cem: {url: "ws://localhost:8080/{resource_id}"}
devices:
  - name: Device
    driver: modbus
    connection: {host: localhost}
"""
METER = "kind: meter\nmeasures: house\npoints: {power: {register: 1, unit: W}}\n"
PV = """kind: pv
points: {power: {register: 1, type: int16, unit: W}, power_limit: {register: 2, unit: W, access: write}}
"""


def write(folder: Path, keys: str) -> Path:
    (folder / "s2d.yaml").write_text(HEAD + "".join(f"    {line}\n" for line in keys.splitlines()))
    return folder


def problems(folder: Path, keys: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(write(folder, keys))
    return [str(problem) for problem in caught.value.problems]


def warnings(folder: Path, keys: str) -> list[str]:
    return [str(problem) for problem in load(write(folder, keys)).warnings]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (METER.replace("measures: house\n", ""), 's2d.yaml:3:5: Device: missing key "measures"'),
        (
            METER.replace("house", "home"),
            's2d.yaml:7:15: Device: measures: expected one of: house, grid, generation, device, got "home". '
            'Did you mean "house"?',
        ),
        (
            METER.replace("{power: {register: 1, unit: W}}", "{energy_import: {register: 1, unit: Wh}}"),
            's2d.yaml:8:13: Device: points: a meter needs "power": power now; what is taken from the grid positive',
        ),
        (METER + "control_types: [frbc]\n", "s2d.yaml:9:20: Device: control_types: a meter is only measured"),
        (
            PV + "max_power: 3 kW\nfeed_in_limit: 4 kW\n",
            's2d.yaml:9:20: Device: feed_in_limit: must not be above max_power, 3000 W, got "4 kW"',
        ),
        (PV + "max_power: 0 W\n", 's2d.yaml:8:16: Device: max_power: must be from 1 W to 10 MW, got "0 W"'),
        (
            PV + "max_power: 3 kW\nfallback: {power_limit: 4 kW}\n",
            "s2d.yaml:9:29: Device: fallback: power_limit: 4000 is beyond what this pv may be told, 0 .. 3000",
        ),
    ],
)
def test_what_is_wrong(tmp_path: Path, keys: str, expected: str) -> None:
    assert problems(tmp_path, keys) == [expected]


def test_a_meter_at_the_connection_is_counted_twice(tmp_path: Path) -> None:
    assert warnings(tmp_path, METER) == []
    assert warnings(tmp_path, METER.replace("house", "grid")) == [
        "s2d.yaml:7:15: Device: measures: a CEM that sums up its resources counts what flows through the connection "
        "twice. Leave the kind out if that is not wanted; other devices may use its points"
    ]


def test_one_that_may_not_feed_in_all_is_not_left_to_itself(tmp_path: Path) -> None:
    command = (
        "commands: {power_limit: {unit: W, steps: [{write: {limit: value}}], release: [{write: {limit: 9999}}]}}\n"
    )
    keys = PV.replace("power_limit:", "limit:") + command + "max_power: 4 kW\nfeed_in_limit: 2 kW\n"
    (device,) = load(write(tmp_path, keys)).devices
    assert device.fallback
    assert [(each.point, each.value) for each in device.fallback.setpoints] == [("power_limit", 2000.0)]
    assert problems(tmp_path, keys + "fallback: {power_limit: release}\n") == [
        "s2d.yaml:11:29: Device: fallback: power_limit: a device of the kind pv is not left to itself when nobody is "
        "in charge. Say a value"
    ]
    (device,) = load(write(tmp_path, keys.replace("feed_in_limit: 2 kW\n", ""))).devices
    assert device.fallback
    assert [(each.point, each.value) for each in device.fallback.setpoints] == [("power_limit", "release")]
