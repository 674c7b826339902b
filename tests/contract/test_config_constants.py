"""What a command writes, and what states are compared with, is held against the points before a device is read."""

from pathlib import Path

import pytest

from s2d.config import load
from s2d.errors import ConfigError
from tests.contract.battery_text import KEYS, gateway_file

DEVICE = gateway_file(
    KEYS
    + """\
points:
  soc: {register: 1, unit: "%"}
  power: {register: 2, type: int16, unit: W}
  mode: {register: 3, access: read_write, values: {0: own, 1: remote}}
  order: {register: 4, type: int16, access: write}
  part: {register: 5, access: write, bits: 0..3}
  share: {sunspec: "124:StorCtl_Mod", access: write, bits: 0..1}
  beat: {register: 6, access: write, max: 100}
commands:
  power_setpoint:
    unit: W
    steps: [{write: {mode: "'remote'", order: value, part: 1, share: 1}}, {life: {beat: 1..9}}]
    release: [write: {mode: "'own'"}]
""",
    cem="ws://cem",
)
RELEASE = """[write: {mode: "'own'"}]"""
HAS = "It has the states own, remote"


def loaded(folder: Path, text: str) -> list[str]:
    (folder / "s2d.yaml").write_text(text)
    try:
        load(folder)
    except ConfigError as exc:
        return str(exc).splitlines()
    return []


def edited(old: str, new: str) -> str:
    assert DEVICE.count(old) == 1, f"{old!r} is not once in the text"
    return DEVICE.replace(old, new)


STEPS = [
    ("""write: {mode: "'ownn'"}""", "31: release: write: mode: 'ownn' is none of the states own, remote"),
    ("write: {mode: 7}", "31: release: write: mode: 7 is none of the states own, remote"),
    ("write: {order: 99999}", "32: release: write: order: the raw value 99999 does not fit int16"),
    ("""write: {order: "'hello'"}""", "32: release: write: order: 'hello' is not a number"),
    (
        "together: {order: max_charge_power * 10}",
        "35: release: together: order: the raw value 50000 does not fit int16",
    ),
    (
        "write: {order: 99999 if known(soc) else 1}",
        "32: release: write: order: the raw value 99999 does not fit int16",
    ),
    (
        "{write: {order: 99999}, if: known(soc)}",
        "33: release: write: order: the raw value 99999 does not fit int16",
    ),
    ("write: {part: 16}", "31: release: write: part: the raw value 16 does not fit bits 0..3"),
    ("write: {share: 4}", "32: release: write: share: the raw value 4 does not fit bits 0..1"),
    (
        """write: {mode: "'own' if soc > 50 else 'remot'"}""",
        "31: release: write: mode: 'remot' is none of the states own, remote",
    ),
    ("life: {beat: 1..255}", "30: release: life: beat: 255 is outside … .. 100"),
    (
        """{write: {order: 0}, if: "mode == 'remot'"}""",
        """41: release: if: "mode" is never 'remot'. Did you mean "remote"?""",
    ),
    ("{write: {order: 0}, if: mode == 1}", f'41: release: if: "mode" is never 1. {HAS}'),
    (
        """write: {order: "1 if mode in ('own', 'away') else 0"}""",
        f"""32: release: write: order: "mode" is never 'away'. {HAS}""",
    ),
    (
        "write: {order: \"state(mode, 'off', 1, 'own', 2)\"}",
        f"""32: release: write: order: "mode" is never 'off'. {HAS}""",
    ),
]


@pytest.mark.parametrize(("step", "expected"), STEPS, ids=[step for step, _ in STEPS])
def test_a_step_does_not_write_what_its_point_cannot_take_nor_wait_for_what_it_never_is(
    tmp_path: Path, step: str, expected: str
) -> None:
    column, _, sentence = expected.partition(": ")
    assert loaded(tmp_path, edited(RELEASE, f"[{step}]")) == [
        f"s2d.yaml:22:{column}: Home battery: commands: power_setpoint: {sentence}"
    ]


@pytest.mark.parametrize(
    "step",
    [
        "write: {mode: 1}",
        "write: {order: 99999 if capacity > 20000 else 3}",
        "{write: {order: 99999}, if: capacity > 20000}",
        "write: {order: soc * 99999}",
        "{write: {order: 1}, if: known(soc)}",
        "write: {order: 'first(soc, 99999)'}",
        "write: {part: 15}",
        "write: {share: 3}",
        "life: {beat: 1..100}",
        "{write: {order: 0}, if: \"mode == 'own' or soc == 5\"}",
        f"write: {{order: 'max({','.join(['max(' + ','.join(['1'] * 49) + ')'] * 9)})'}}",
    ],
)
def test_what_may_be_right_is_left_alone(tmp_path: Path, step: str) -> None:
    assert loaded(tmp_path, edited(RELEASE, f"[{step}]")) == []


def test_the_start_and_what_shows_that_it_follows_are_looked_at_alike(tmp_path: Path) -> None:
    assert loaded(tmp_path, DEVICE + "  start: [write: {order: 70000}]\n") == [
        "s2d.yaml:23:26: Home battery: start: write: order: the raw value 70000 does not fit int16"
    ]
    assert loaded(tmp_path, DEVICE + "      verify: {point: mode, is: \"'away'\"}\n") == [
        f"""s2d.yaml:23:33: Home battery: commands: power_setpoint: verify: is: "mode" is never 'away'. {HAS}"""
    ]


def test_an_owner_cannot_spoil_how_a_shipped_profile_gives_control_back(tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text("""\
cem: {url: "ws://cem"}
devices:
- name: Garage battery
  profile: sma-storage
  connection: {host: 192.168.1.20}
  capacity: 10 kWh
  max_charge_power: 5 kW
  max_discharge_power: 5 kW
  commands:
    power_setpoint:
      release: [write: {ordered: "'of'"}]
""")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        "s2d.yaml:11:34: Garage battery: commands: power_setpoint: release: write: ordered: "
        "'of' is none of the states on, off"
    )


def test_a_fallback_has_to_pass_through_its_command(tmp_path: Path) -> None:
    factor = edited("order: value,", "order: value + value % 2 * 99999,")
    fallback = "  fallback: {power_setpoint: -4001 W}\n"
    assert loaded(tmp_path, factor) == []
    assert loaded(tmp_path, DEVICE + fallback) == []
    assert loaded(tmp_path, factor + fallback) == [
        "s2d.yaml:23:30: Home battery: fallback: power_setpoint: order: the raw value 95998 does not fit int16"
    ]
    bounded = factor.replace("      unit: W\n", "      unit: W\n      min: -3000\n")
    assert loaded(tmp_path, bounded + fallback) == []
    told = factor.replace("      unit: W\n", "      unit: W\n      min: -soc\n")
    assert loaded(tmp_path, told + fallback) == []


def test_a_variant_has_to_do_the_value_of_the_fallback(tmp_path: Path) -> None:
    variants = """\
  fallback: {power_setpoint: -4001 W}
  variants:
  - when: type == 5
    commands: {power_setpoint: {steps: [write: {order: value + value % 2 * 99999, mode: 1, part: 1, share: 1}]}}
"""
    with_type = edited("  commands:", "    type: {register: 9, poll: once}\n  commands:")
    assert loaded(tmp_path, with_type + variants) == [
        "s2d.yaml:26:11: Home battery: variants: 1: this variant cannot fall back to power_setpoint: -4001.0. "
        "order: the raw value 95998 does not fit int16"
    ]


def test_a_command_can_do_all_that_its_device_will_be_told(tmp_path: Path) -> None:
    unsigned = edited("order: {register: 4, type: int16", "order: {register: 4, type: uint16")
    told = "Home battery: commands: power_setpoint: will be told -5000 .. 5000 W, but"
    hint = "Give it a type and limits that take this, or lower the device's powers"
    assert loaded(tmp_path, unsigned) == [
        f"s2d.yaml:20:7: {told} order: the raw value -5000 does not fit uint16. {hint}"
    ]
    assert loaded(tmp_path, unsigned.replace("order: value,", "order: abs(value),")) == []
    assert loaded(tmp_path, unsigned.replace("      unit: W\n", "      unit: W\n      min: 0\n")) == []


MODES = gateway_file(
    KEYS
    + """\
fallback: {mode: own}
points:
  power: {register: 2, type: int16, unit: W}
""",
    cem="ws://cem",
)
STATES = "values: {0: own, 1: idle, 2: charge, 3: discharge}"


@pytest.mark.parametrize(
    ("told", "where"),
    [
        (f"    mode: {{register: 3, access: write, {STATES}}}\n", "13:5: Home battery: points: mode: "),
        (
            f"    state: {{register: 3, access: write, {STATES}}}\n"
            "  commands:\n    mode: {steps: [write: {state: value}]}\n",
            "15:11: Home battery: commands: mode: ",
        ),
    ],
    ids=["a point", "a command"],
)
@pytest.mark.parametrize("lacking", ["idle", "discharge"])
def test_a_device_with_modes_has_all_that_it_will_be_told(tmp_path: Path, told: str, where: str, lacking: str) -> None:
    assert loaded(tmp_path, MODES + told) == []
    (problem,) = loaded(tmp_path, MODES + told.replace(lacking, "other", 1))
    assert problem.startswith(f"s2d.yaml:{where}will be told idle, charge, discharge, but ")
    assert f"'{lacking}' is none of the states" in problem
    assert problem.endswith(". Give it `values` with a raw value for each")


def test_what_is_put_back_as_it_was_found_has_to_be_read(tmp_path: Path) -> None:
    assert loaded(tmp_path, edited(RELEASE, "[write: {mode: found, order: 'first(found, 0)'}]")) == [
        's2d.yaml:22:38: Home battery: commands: power_setpoint: release: write: what is found in "order" is put back, '
        'so it has to be read. Write "access: read_write" there'
    ]
    assert loaded(tmp_path, edited(RELEASE, "[write: {mode: found}]")) == []
    assert loaded(tmp_path, edited("mode: {register: 3", "found: {register: 9}\n    mode: {register: 3"))[0].endswith(
        '"found" means something else in expressions; use another name'
    )
