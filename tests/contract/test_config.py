"""What the operator reads about a wrong configuration, word by word, and what a right one becomes."""

from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
import yaml

from s2d.config import Cem, Fallback, Gateway, PointSource, Report, load
from s2d.config.driver_discovery import find_driver
from s2d.device.device_map import commands_of
from s2d.errors import ConfigError
from s2d.quantities import Duration, Energy, Percentage, PercentageRange, Power
from s2d.rm.kinds import KINDS, ResourceSetup, kind
from s2d.rm.kinds.battery import BatterySettings
from s2d.rm.occasion import SafeStates
from s2d.values import Setpoint
from tests.contract.battery_text import gateway_file

GATEWAY = gateway_file()
TOLD = "Home battery: points: power_setpoint: will be told -5000 .. 5000 W, but"
FIT = "Give it a type and limits that take this, or lower the device's powers"
METER = """\
- name: Grid. Old meter
  driver: modbus
  connection: {host: meter}
  points:
    power: {register: 1, unit: kW}
    energy: {register: 2, unit: kWh}
    relay: {register: 3, access: write}
"""


def problems(folder: Path, text: str | bytes) -> list[str]:
    file = folder / "s2d.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(file)
    return str(caught.value).splitlines()


def edited(*edits: tuple[str, str]) -> str:
    text = GATEWAY
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} is not once in the text"
        text = text.replace(old, new)
    return text


NOT_YAML = [
    ("", ["s2d.yaml:1:1: the file is empty"]),
    ("# nothing\n", ["s2d.yaml:1:1: the file is empty"]),
    ("- a\n", ["s2d.yaml:1:1: expected a mapping, got a list"]),
    ("text\n", ['s2d.yaml:1:1: expected a mapping, got "text"']),
    ("a: 'b\n", ["s2d.yaml:1:4: not YAML: the quotes that open here are not closed"]),
    *(
        (
            text,
            [
                f"s2d.yaml:{place}: not YAML: nothing can begin with this character. "
                "Indent with spaces, not tabs; put text in quotes that begins with a sign"
            ],
        )
        for text, place in (("a:\n\tb: 1\n", "2:1"), ("a: @b\n", "1:4"))
    ),
    (
        "a: 1\nb:2\nc: 3\n",
        ['s2d.yaml:2:1: not YAML: this key has no colon. Behind a key come a colon and a space: "poll: 2 s"'],
    ),
    (
        "a: b: c\n",
        [
            "s2d.yaml:1:5: not YAML: no key can stand before this colon. "
            "Begin the line below its neighbours, or put text with a colon in quotes"
        ],
    ),
    (
        "- a\nb: 1\n",
        [
            "s2d.yaml:2:1: not YAML: this does not go on with the list before it. "
            "Begin the dashes of one list in the same column"
        ],
    ),
    (
        "a:\n  b: 1\n c: 2\n",
        [
            "s2d.yaml:3:2: not YAML: this does not go on with the mapping before it. "
            "Begin the keys of one mapping in the same column"
        ],
    ),
    (
        "a: [1, 2\nb: 3\n",
        ["s2d.yaml:1:4: not YAML: the bracket that opens here is not closed. A comma stands between its parts"],
    ),
    ("a: {}\n---\nb: {}\n", ["s2d.yaml:2:1: a second document; a file holds one"]),
    ("a: *b\n", ['s2d.yaml:1:4: a: no "&b" stands before this alias']),
    ("cem: &x {url: *x}\n", ['s2d.yaml:1:15: cem: url: "*x" stands within itself']),
    ("cem: !!set {url}\n", ["s2d.yaml:1:6: cem: the tag !!set means nothing here. Leave it out"]),
    ("cem: !secret x\n", ["s2d.yaml:1:6: cem: the tag !secret means nothing here. Leave it out"]),
    ("cem: !!int x\n", ['s2d.yaml:1:6: cem: "x" is no int']),
    *(
        pytest.param(start + nest * 100_000, [f"s2d.yaml:{place}nested too deeply"], id=f"deep {nest}")
        for start, nest, place in (
            ("", "[", "1:34: "),
            ("cem:\n  url: ", "{a: ", "2:129: cem: url: "),
            ("", "- ", "1:67: "),
        )
    ),
    (
        "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
        + "".join(f"{name}: &{name} [{', '.join(9 * ['*' + of])}]\n" for of, name in pairwise("abcdefgh")),
        ["s2d.yaml:6:8: f: aliases stand for more than 100000 values"],
    ),
    ("? [a]\n: 1\n", ["s2d.yaml:1:3: expected a key, got a list"]),
    ("cem: ab\x07\n", ["s2d.yaml:1:8: the character U+0007 does not belong in YAML"]),
    ('include: "a\\0"\n', ["s2d.yaml:1:10: include: text with a character that nothing can hold"]),
    (b"gateway:\n  name: caf\xe9\n", ["s2d.yaml:2:12: is not UTF-8 text. Save it as UTF-8 in the editor"]),
    (
        "gateway:\n  name: a\n  name: b\ngateway: {}\n",
        [
            's2d.yaml:3:3: gateway: key "name" is given twice (the other: s2d.yaml:2:3)',
            's2d.yaml:4:1: key "gateway" is given twice (the other: s2d.yaml:1:1)',
        ],
    ),
    ("1: a\n0x1: b\n", ['s2d.yaml:2:1: key "1" is given twice (the other: s2d.yaml:1:1)']),
    ('cem:\n  <<: {url: "ws://a"}\n', ['s2d.yaml:2:3: cem: missing key "url"', 's2d.yaml:2:3: cem: unknown key "<<"']),
]

GATEWAY_FILE = [
    ("gatway: {}", ['s2d.yaml:1:1: unknown key "gatway". Did you mean "gateway"?']),
    ("gateway: [a]", ["s2d.yaml:1:10: gateway: expected a mapping, got a list"]),
    ("gateway: {name: 12}", ['s2d.yaml:1:17: gateway: name: expected text, got 12. Write it in quotes: "12"']),
    ("gateway: {name: ''}", ["s2d.yaml:1:17: gateway: name: must not be empty"]),
    (
        "gateway: {id: 12-34}",
        ['s2d.yaml:1:15: gateway: id: expected a UUID such as "2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d", got "12-34"'],
    ),
    *(
        (
            f"gateway: {{time_zone: {written}}}",
            [
                "s2d.yaml:1:22: gateway: time_zone: expected a time zone such as "
                f'"Europe/Amsterdam", got "{written}"{hint}'
            ],
        )
        for written, hint in (
            ("Europe/Amsterdm", '. Did you mean "Europe/Amsterdam"?'),
            ("europe/amsterdam", '. Did you mean "Europe/Amsterdam"?'),
            ("Amsterdam", '. Did you mean "Europe/Amsterdam"?'),
            ("../x", ""),
        )
    ),
    ("gateway: {time_zone: 1}", ['s2d.yaml:1:22: gateway: time_zone: expected text, got 1. Write it in quotes: "1"']),
    ("gateway: {state_dir: 5}", ["s2d.yaml:1:22: gateway: state_dir: expected a path, got 5"]),
    ("devices: {}", ["s2d.yaml:1:10: devices: expected a list, got a mapping"]),
    ("devices: [x]", ['s2d.yaml:1:11: device 1: expected a mapping, got "x"']),
    ("include: nowhere/*.yaml", ['s2d.yaml:1:10: include: no file matches "nowhere/*.yaml"']),
    ("buses: [a]", ['s2d.yaml:1:9: bus 1: expected a mapping, got "a"']),
    ("buses: [{serial: /dev/x}]", ["s2d.yaml:1:9: bus 1: name: expected the name of the bus, got nothing"]),
    (
        "buses: [{name: a}, {name: a}]",
        ['s2d.yaml:1:27: two buses are named "a" (the other: s2d.yaml:1:16)'],
    ),
    ("cem: {}", ['s2d.yaml:1:6: cem: missing key "url"']),
    (
        'cem: {url: "http://a"}',
        ['s2d.yaml:1:12: cem: url: expected a URL that starts with ws:// or wss://, got "http://a"'],
    ),
    (
        'cem: {url: "ws://a/{rid}"}',
        ['s2d.yaml:1:12: cem: url: unknown placeholder in "ws://a/{rid}"; known are {resource_id} and {name}'],
    ),
    (
        'cem: {url: "ws:///a"}',
        ['s2d.yaml:1:12: cem: url: expected a URL such as "ws://192.168.1.10:8080/s2", got "ws:///a"'],
    ),
    ('cem: {url: "ws://a:99999"}', ['s2d.yaml:1:12: cem: url: "ws://a:99999" is no URL: Port out of range 0-65535']),
    (
        'cem: {url: "wss://a", instruction_updates: ful}',
        ['s2d.yaml:1:44: cem: instruction_updates: expected one of: full, final, got "ful". Did you mean "full"?'],
    ),
    (
        'cem: {url: "wss://a", token_file: nowhere}',
        ['s2d.yaml:1:35: cem: token_file: "nowhere" cannot be read: No such file or directory'],
    ),
    (
        'cem: {url: "ws://a", ca_file: s2d.yaml}',
        ["s2d.yaml:1:31: cem: ca_file: only a wss:// URL has a certificate to check"],
    ),
    (
        'cem: {url: "wss://a", ca_file: "."}',
        ['s2d.yaml:1:32: cem: ca_file: "." cannot be read: it is a folder, not a regular file'],
    ),
]

DEVICE = [
    # what every device has
    (
        ("name: Home battery", "name: 5"),
        ['s2d.yaml:3:9: device 1: name: expected text, got 5. Write it in quotes: "5"'],
    ),
    (
        ("name: Home battery", "nam: x"),
        [
            's2d.yaml:3:3: device 1: missing key "name"',
            's2d.yaml:3:3: device 1: unknown key "nam". Did you mean "name"?',
        ],
    ),
    (("kind: battery", "kind: toaster"), f'4:9: kind: expected one of: {", ".join(KINDS)}, got "toaster"'),
    (
        ("kind: battery", "kind: batery"),
        f'4:9: kind: expected one of: {", ".join(KINDS)}, got "batery". Did you mean "battery"?',
    ),
    (("kind: battery", "kind:"), f"4:8: kind: expected one of: {', '.join(KINDS)}, got nothing"),
    (
        ("kind: battery", "profile: toaster-5000"),
        '4:12: profile: no profile "toaster-5000". `s2d profiles` lists them',
    ),
    (("driver: modbus", "driver: modbsu"), '5:11: driver: "modbsu" is not installed. Did you mean "modbus"?'),
    (("driver: modbus", "driver: ':'"), '5:11: driver: expected the name of a driver, or module:Class, got ":"'),
    (
        ("driver: modbus", "driver: os:getcwd"),
        '5:11: driver: "os:getcwd" is no driver: it is no class. '
        "One inherits s2d.driver.Driver and has at least Connection, Point and read",
    ),
    (
        ("driver: modbus", "driver: no.such:Thing"),
        """5:11: driver: "no.such:Thing" cannot be loaded: No module named 'no'. """
        "It is looked for where s2d is installed, and in PYTHONPATH",
    ),
    (("{host: 192.168.1.20}", "{hots: a, host: b}"), '6:16: connection: unknown key "hots". Did you mean "host"?'),
    (("{host: 192.168.1.20}", "here"), '6:15: connection: expected a mapping, got "here". Write {host: here}'),
    (
        ("{host: 192.168.1.20}", "192.168.1.20"),
        '6:15: connection: expected a mapping, got "192.168.1.20". Write {host: 192.168.1.20}',
    ),
    (
        ("{host: 192.168.1.20}", "/dev/ttyUSB0"),
        '6:15: connection: expected a mapping, got "/dev/ttyUSB0". Write {serial: /dev/ttyUSB0}',
    ),
    (
        ("{host: 192.168.1.20}", "{host: 192.168.1.300}"),
        "6:22: connection: host: '192.168.1.300' is no address; one looks like 192.168.1.20",
    ),
    (
        ("{host: 192.168.1.20}", "{host: 192.168.1}"),
        "6:22: connection: host: '192.168.1' is no address; one looks like 192.168.1.20",
    ),
    (
        ("{host: 192.168.1.20}", "{host: 'fe80::zz'}"),
        "6:22: connection: host: 'fe80::zz' is no address; one looks like 192.168.1.20",
    ),
    (
        ("{host: 192.168.1.20}", "{serial: /dev/ttyS0, parity: none}"),
        '6:44: connection: parity: expected one of: N, E, O, got "none". Did you mean "N"?',
    ),
    (
        ("{host: 192.168.1.20}", "{serial: /dev/ttyS0, parity: Even}"),
        '6:44: connection: parity: expected one of: N, E, O, got "Even". Did you mean "E"?',
    ),
    (
        ("{host: 192.168.1.20}", "{host: a, port: five}"),
        '6:31: connection: port: expected a whole number, got "five"',
    ),
    (
        ("{host: 192.168.1.20}", "{host: a, port: 70000}"),
        "6:31: connection: port: expected a whole number between 1 and 65535, got 70000",
    ),
    (
        ("{host: 192.168.1.20}", "{host: a, unit: 250}"),
        "6:31: connection: unit: expected 0..247 or 255, got 250",
    ),
    (
        ("{host: 192.168.1.20}", "{bus: cellar}"),
        '6:21: connection: bus: expected the name of one of the buses, got "cellar". '
        'The gateway file lists none under "buses"',
    ),
    (("  driver: modbus\n", ""), '3:3: missing key "driver"'),
    (("kind: battery", "kind: battery\n  poll: 5"), '5:9: poll: expected a duration such as "30 s", got 5'),
    (("kind: battery", "kind: battery\n  poll: -5 s"), '5:9: poll: must not be negative, got "-5 s"'),
    (
        ("kind: battery", "kind: battery\n  poll: 0 s"),
        '5:9: poll: must be from 1 ms to 1 d, got "0 s"',
    ),
    (("kind: battery", "kind: battery\n  model: 12"), '5:10: model: expected text, got 12. Write it in quotes: "12"'),
    (
        ("kind: battery", 'kind: battery\n  resource_id: "ab\\n"'),
        '5:16: resource_id: expected 2 to 64 of the characters a-z A-Z 0-9 - _ :, got "ab\\n"',
    ),
    (
        ("kind: battery", "kind: battery\n  resource_id: a b"),
        '5:16: resource_id: expected 2 to 64 of the characters a-z A-Z 0-9 - _ :, got "a b"',
    ),
    (
        ("kind: battery", "kind: battery\n  report: {every: 0 s}"),
        '5:19: report: every: must be from 100 ms to 365 d, got "0 s"',
    ),
    (
        ("kind: battery", "kind: battery\n  control_types: [frcb]"),
        '5:19: control_types: expected one of: frbc, pebc, ombc, ddbc, ppbc, got "frcb". Did you mean "frbc"?',
    ),
    (
        ("kind: battery", "kind: battery\n  control_types: [ddbc]"),
        "5:18: control_types: a battery can only offer frbc, pebc, ombc, which is not listed",
    ),
    (("kind: battery", "kind: battery\n  control_types: []"), "5:18: control_types: must not be empty"),
    (
        ('cem: {url: "ws://10.0.0.1:8080/{resource_id}"}', "# no cem"),
        '3:3: nothing says which CEM to connect to. Write "cem: {url: ws://…}" into the gateway file or here',
    ),
    # a battery
    (("capacity: 10 kWh", "capacity: 10"), '7:13: capacity: expected an energy such as "10 kWh", got 10'),
    (
        ("capacity: 10 kWh", "capacity: 10 kW"),
        '7:13: capacity: expected an energy such as "10 kWh", got "10 kW". kW is a unit of power',
    ),
    (
        ("capacity: 10 kWh", "capacity: 10 kwh"),
        '7:13: capacity: expected an energy such as "10 kWh", got "10 kwh". Did you mean "kWh"?',
    ),
    (
        ("capacity: 10 kWh", "capacity: 10,5 kWh"),
        '7:13: capacity: expected an energy such as "10 kWh", got "10,5 kWh". Write decimals behind a point',
    ),
    (
        ("host: 192.168.1.20", "host: 192.168.1.20:502"),
        "6:22: connection: host: expected a name or an address alone, got '192.168.1.20:502'; "
        "the `port` has its own key",
    ),
    (
        ("access: write,", "access: write, daily_writes: 5,"),
        "13:76: points: power_setpoint: daily_writes: counts the writes of a persistent point only. "
        'Add "persistent: true"',
    ),
    (
        ("access: write,", "access: read_write, settle: 31 s,"),
        "13:75: points: power_setpoint: settle: must be between 0 s and 30 s",
    ),
    (
        ("access: write,", "access: read_write, rest: 31 s,"),
        "13:73: points: power_setpoint: rest: must be between 0 s and 30 s",
    ),
    (("access: write,", "access: write, step: 0,"), "13:68: points: power_setpoint: step: must be above 0"),
    (
        ('soc: {register: 843, unit: "%"}', 'soc: {register: 843, unit: "%", settle: 1 s}'),
        "11:45: points: soc: settle: is about writing, and this point is only read. "
        'Add "access: write", or leave it out',
    ),
    (("capacity: 10 kWh", "capacity:"), '7:12: capacity: expected an energy such as "10 kWh", got nothing'),
    (("capacity: 10 kWh", "capacity: true"), '7:13: capacity: expected an energy such as "10 kWh", got true'),
    (
        ("capacity: 10 kWh", "capacity: 1e999 kWh"),
        '7:13: capacity: must be at most 1000 MWh, got "1e999 kWh"',
    ),
    (
        ("capacity: 10 kWh", "capacity: 0 kWh"),
        '7:13: capacity: must be from 1 Wh to 100 MWh, got "0 kWh"',
    ),
    (("  capacity: 10 kWh\n", ""), '3:3: missing key "capacity". For example "capacity: 10 kWh"'),
    (("capacity: 10 kWh", "capacity: 10 kWh\n  fases: 3"), '8:3: unknown key "fases". Did you mean "phases"?'),
    (("capacity: 10 kWh", "capacity: 10 kWh\n  phases: 2"), "8:11: phases: expected one of: 1, 3, got 2"),
    (("capacity: 10 kWh", "capacity: 10 kWh\n  phases: true"), "8:11: phases: expected one of: 1, 3, got true"),
    (
        ("capacity: 10 kWh", "capacity: 10 kWh\n  usable_range: 95 % .. 10 %"),
        '8:17: usable_range: expected the lower end first and below the upper, got "95 % .. 10 %"',
    ),
    (
        ("capacity: 10 kWh", "capacity: 10 kWh\n  usable_range: 10 % .. 95 %\n  reserve: 95 %"),
        '9:12: reserve: must lie within usable_range, from 10 % to below 95 %, got "95 %"',
    ),
    # points
    (('soc: {register: 843, unit: "%"}', "soc: [1]"), "11:10: points: soc: expected a mapping, got a list"),
    (
        ('soc: {register: 843, unit: "%"}', "soc: {register: 843, unit: W}"),
        "11:32: points: soc: unit: expected a percentage such as %, got W",
    ),
    (
        ('soc: {register: 843, unit: "%"}', "soc: {register: 843}"),
        "11:10: points: soc: unit: expected a percentage such as %, got nothing",
    ),
    (
        ("power: {register: 842, unit: W}", "power: {unit: W}"),
        "12:12: points: power: say where the point is: `register: 843`, or `sunspec: 802:SoC`",
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: J}"),
        "12:34: points: power: unit: unknown unit 'J'; known are W, kW, MW, Wh, kWh, MWh, mA, A, mV, V, Hz, %, °C, "
        "K, ms, s, min, h, d, l/h, l/s, l",
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: kw}"),
        "12:34: points: power: unit: unknown unit 'kw'; known are W, kW, MW, Wh, kWh, MWh, mA, A, mV, V, Hz, %, °C, "
        'K, ms, s, min, h, d, l/h, l/s, l. Did you mean "kW"?',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, access: rd}"),
        '12:45: points: power: access: expected one of: read, write, read_write, got "rd". Did you mean "read"?',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, access: write}"),
        '12:45: points: power: access: must be readable, got "write". Write "access: read" or "access: read_write"',
    ),
    (
        (", access: write,", ","),
        '13:21: points: power_setpoint: access: must be writable, got "read". '
        'Write "access: write" or "access: read_write"',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, invert: yes}"),
        '12:45: points: power: invert: expected true or false, got "yes". Write true',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, scale: .nan}"),
        "12:44: points: power: scale: expected a number, got .nan",
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, scale: 0}"),
        "12:44: points: power: scale: must not be 0",
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, min: 2, max: 1}"),
        "12:42: points: power: min: must not be above max, which is 1",
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, refresh: 5 s}"),
        "12:46: points: power: refresh: only a point that is written can be written again. "
        'Add "access: write", or leave it out',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, max_age: 1 s}"),
        "12:46: points: power: max_age: must not be shorter than the time between readings, 2 s",
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, poll: 0 s}"),
        '12:43: points: power: poll: must be from 1 ms to 1 d, got "0 s"',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, values: {0: 1}}"),
        '12:49: points: power: values: 0: expected text, got 1. Write it in quotes: "1"',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W, values: {0: a}}"),
        "12:45: points: power: values: states have no unit",
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W}\n    pwr.x: {}"),
        '13:5: points: "pwr.x" is no name of a point. Use letters, digits and _',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W}\n    faul: {register: 1}"),
        '13:5: points: a battery has no point "faul". Did you mean "fault"?',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {register: 842, unit: W}\n    xyz: {register: 1}"),
        '13:5: points: a battery has no point "xyz". '
        "It has soc, power, power_l1, power_l2, power_l3, status, fault, power_setpoint, charge_limit, "
        "discharge_limit, mode",
    ),
    (('    soc: {register: 843, unit: "%"}\n', ""), '11:5: points: a battery needs "soc": state of charge'),
    (
        ("  points:\n", "  points:\n    power_l1: {register: 1, unit: W}\n    power_l2: {register: 1, unit: W}\n"),
        '12:5: points: power_l2: this battery is on one phase. Write "phases: 3", or leave the point out',
    ),
    (
        (
            "  points:\n",
            "  phases: 3\n  points:\n    power_l1: {register: 1, unit: W}\n    power_l3: {register: 1, unit: W}\n",
        ),
        '12:5: points: missing "power_l2": power_l1 and power_l3 alone leave a phase unknown',
    ),
    # safe states
    (
        ("kind: battery", "kind: battery\n  safe: {stael: {power_setpoint: 0 W}}"),
        '5:10: safe: unknown key "stael". Did you mean "stale"?',
    ),
    (
        ("kind: battery", "kind: battery\n  safe: {stale: {power_setpont: 0 W}}"),
        '5:18: safe: stale: unknown key "power_setpont". Did you mean "power_setpoint"?',
    ),
    (
        ("kind: battery", "kind: battery\n  safe: {stale: {after: 10 s}}"),
        "5:25: safe: stale: after: comes at once; only cem_lost, started, returned may wait. Leave it out",
    ),
    (
        ("kind: battery", "kind: battery\n  fallback: {after: 1 s}\n  safe: {cem_lost: {after: 10 s}}"),
        "6:28: safe: cem_lost: after: fallback: after says this already. Say it once",
    ),
    (
        ("kind: battery", "kind: battery\n  safe: {ended: {power_setpoint: 9 kW}}"),
        "5:34: safe: ended: power_setpoint: 9000 is beyond what this battery may be told, -5000 .. 5000",
    ),
    (("kind: battery", "kind: battery\n  safe: {ended: 3}"), "5:17: safe: ended: expected a mapping, got 3"),
    # fallback
    (
        ("kind: battery", "kind: battery\n  fallback: {after: 60}"),
        '5:21: fallback: after: expected a duration such as "30 s", got 60',
    ),
    (
        ("kind: battery", "kind: battery\n  fallback: {power_setpont: 0 W}"),
        '5:14: fallback: unknown key "power_setpont". Did you mean "power_setpoint"?',
    ),
    (
        ("kind: battery", "kind: battery\n  fallback: {power_setpoint: 0}"),
        '5:30: fallback: power_setpoint: expected a power such as "5 kW", got 0',
    ),
    (
        ("type: int16}", "type: int16, max: 4000}\n  fallback: {power_setpoint: 5 kW}"),
        [
            f"s2d.yaml:13:5: {TOLD} 5000 W is outside … .. 4000. {FIT}",
            "s2d.yaml:14:30: Home battery: fallback: power_setpoint: 5000 W is outside … .. 4000",
        ],
    ),
    (
        ("type: int16}", "type: int16, min: 10}"),
        [
            "s2d.yaml:3:3: Home battery: fallback: power_setpoint: 0 W is outside 10 .. …",
            f"s2d.yaml:13:5: {TOLD} -5000 W is outside 10 .. …. {FIT}",
        ],
    ),
    (
        (", type: int16}", "}\n  fallback: {power_setpoint: -1 kW}"),
        [
            f"s2d.yaml:13:5: {TOLD} the raw value -5000 does not fit uint16. {FIT}",
            "s2d.yaml:14:30: Home battery: fallback: power_setpoint: the raw value -1000 does not fit uint16",
        ],
    ),
    (
        ("kind: battery", "kind: battery\n  fallback: {power_setpoint: 50 kW}"),
        "5:30: fallback: power_setpoint: 50000 is beyond what this battery may be told, -5000 .. 5000",
    ),
    (("kind: battery", "kind: battery\n  fallback: {soc: 5 %}"), '5:14: fallback: unknown key "soc"'),
    # points of other devices
    (
        ("power: {register: 842, unit: W}", "power: {from: meter.power}"),
        '12:19: points: power: from: no device is named "meter"',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {from: Home battery.soc}"),
        "12:19: points: power: from: a device cannot take a point from itself",
    ),
    (
        ("power: {register: 842, unit: W}", "power: {from: meter}"),
        '12:19: points: power: from: expected a device and its point such as "my-car.soc", got "meter"',
    ),
    (
        ("power: {register: 842, unit: W}", "power: {from: a.b, unit: W}"),
        [
            's2d.yaml:12:19: Home battery: points: power: from: no device is named "a"',
            's2d.yaml:12:24: Home battery: points: power: "unit" cannot stand beside "from". What is read is said '
            "where it is read, of the point of the other device",
        ],
    ),
    (
        ("power_setpoint: {register: 2700, unit: W, access: write, type: int16}", "power_setpoint: {from: a.b}"),
        [
            "s2d.yaml:13:5: Home battery: points: power_setpoint: is written; it cannot come from another device",
            's2d.yaml:13:28: Home battery: points: power_setpoint: from: no device is named "a"',
        ],
    ),
]


SOURCES = [
    ("Grid. Old meter.powr", 'from: "Grid. Old meter" has no point "powr". Did you mean "power"?'),
    ("Grid. Old meter.energy", "from: expected a power such as W, got kWh"),
    ("Grid. Old meter.relay", 'from: "relay" of "Grid. Old meter" can only be written'),
    ("Grid.Old meter.power", 'from: no device is named "Grid.Old meter". Did you mean "Grid. Old meter"?'),
]

WITHOUT_KIND = [
    (
        "  fallback: {}",
        f'20:3: "fallback" says nothing of a device without a kind. Is "kind" missing? Known are: {", ".join(KINDS)}',
    ),
    ("  capacity: 5 kWh", f'20:3: unknown key "capacity". Is "kind" missing? Known are: {", ".join(KINDS)}'),
    (
        "    soc: {from: Home battery.soc}",
        "20:17: points: soc: from: only a device with a kind takes points from others",
    ),
]


def test_what_cannot_be_written_is_not_missed_in_the_fallback_as_well(tmp_path: Path) -> None:
    fallback = "  fallback: {power_setpoint: 0 W}\n"
    missing = edited(("    power_setpoint: {register: 2700, unit: W, access: write, type: int16}\n", ""))
    assert [line.partition(" needs")[0] for line in problems(tmp_path, missing + fallback)] == [
        "s2d.yaml:11:5: Home battery: points: a battery"
    ]
    only_read = edited(("access: write, type", "type"))
    assert [line.partition(" must be")[0] for line in problems(tmp_path, only_read + fallback)] == [
        "s2d.yaml:13:21: Home battery: points: power_setpoint: access:"
    ]
    assert problems(tmp_path, GATEWAY + "  fallback: {soc: 5 %}\n") == [
        's2d.yaml:14:14: Home battery: fallback: unknown key "soc"'
    ]


def test_times_that_can_hardly_be_meant_are_asked_about(tmp_path: Path) -> None:
    text = edited(("kind: battery", "kind: battery\n  poll: 1 ms")) + "  fallback: {after: 30 d}\n"
    (tmp_path / "s2d.yaml").write_text(text)
    assert list(map(str, load(tmp_path).warnings)) == [
        "s2d.yaml:5:9: Home battery: poll: asks the device 1000 times a second. Few answer that fast, and a CEM is "
        "told far less often",
        "s2d.yaml:15:21: Home battery: fallback: after: without a CEM the last order stays in force for 30 d. Minutes "
        "are enough to bridge a restart",
    ]
    (tmp_path / "s2d.yaml").write_text(text.replace("1 ms", "100 ms").replace("30 d", "1 h"))
    assert load(tmp_path).warnings == ()


def test_what_is_written_again_before_it_can_show_is_asked_about(tmp_path: Path) -> None:
    for keys, at in (("refresh: 5 s, settle: 3 s, rest: 2 s", 84), ("rest: 4 s, refresh: 5 s", 68)):
        text = edited(("access: write,", f"access: write, {keys},"))
        (tmp_path / "s2d.yaml").write_text(text)
        key, shows_s = ("settle", 5) if "settle" in keys else ("rest", 6)
        assert list(map(str, load(tmp_path).warnings)) == [
            f"s2d.yaml:13:{at}: Home battery: points: power_setpoint: {key}: it settles and rests for {shows_s} s, "
            "and is written again every 5 s. Make that shorter, or the refresh longer; a later version will refuse it"
        ]
    for keys in ("refresh: 1 s", "refresh: 5 s, settle: 2 s, rest: 2 s", "settle: 30 s"):
        (tmp_path / "s2d.yaml").write_text(edited(("access: write,", f"access: write, {keys},")))
        assert load(tmp_path).warnings == ()


def test_an_order_has_time_until_what_is_written_can_be_seen(tmp_path: Path) -> None:
    for keys, follow_within_s in (("", 60.0), ("settle: 30 s, rest: 28 s,", 62.0), ("settle: 30 s, rest: 20 s,", 60.0)):
        (tmp_path / "s2d.yaml").write_text(edited(("access: write,", f"access: write, {keys}")))
        device = load(tmp_path).devices[0]
        assert device.kind
        of_kind, settings = kind(device.kind), device.settings
        battery = of_kind.resource(
            ResourceSetup(
                resource_id="id", name=None, settings=settings, abilities=device.abilities(of_kind), safe=SafeStates(())
            )
        )
        assert battery.follow_within_s == follow_within_s


@pytest.mark.parametrize(("source", "expected"), SOURCES)
def test_a_point_taken_from_another_device_must_be_there(tmp_path: Path, source: str, expected: str) -> None:
    text = edited(("power: {register: 842, unit: W}", f"power: {{from: {source}}}")) + METER
    assert problems(tmp_path, text) == [f"s2d.yaml:12:19: Home battery: points: power: {expected}"]


@pytest.mark.parametrize(("line", "expected"), WITHOUT_KIND)
def test_a_device_without_kind_has_no_resource(tmp_path: Path, line: str, expected: str) -> None:
    place, _, sentence = expected.partition(": ")
    text = GATEWAY + METER.replace("    relay: {register: 3, access: write}", line)
    assert problems(tmp_path, text) == [f"s2d.yaml:{place}: Grid. Old meter: {sentence}"]


@pytest.mark.parametrize(("text", "expected"), NOT_YAML)
def test_what_is_no_yaml_is_explained_alike_where_pyyaml_comes_without_libyaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | bytes, expected: list[str]
) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert problems(tmp_path, text) == expected


@pytest.mark.parametrize(("text", "expected"), NOT_YAML + GATEWAY_FILE)
def test_a_wrong_gateway_file_is_explained(tmp_path: Path, text: str | bytes, expected: list[str]) -> None:
    assert problems(tmp_path, text) == expected


@pytest.mark.parametrize(("edit", "expected"), DEVICE, ids=[str(expected)[:90] for _, expected in DEVICE])
def test_a_wrong_device_is_explained(tmp_path: Path, edit: tuple[str, str], expected: str | list[str]) -> None:
    if isinstance(expected, str):
        place, _, sentence = expected.partition(": ")
        expected = [f"s2d.yaml:{place}: Home battery: {sentence}"]
    assert problems(tmp_path, edited(edit)) == expected


def test_all_problems_are_found_at_once(tmp_path: Path) -> None:
    text = edited(
        ('"ws://10.0.0.1:8080/{resource_id}"', "x"),
        ("{host: 192.168.1.20}", "{hots: a}"),
        ("capacity: 10 kWh", "capacity: 10\n  poll: 5"),
        ("max_charge_power: 5 kW", "max_charge_power: 5 kWh"),
        ("power: {register: 842, unit: W}", "power: {register: -1, unit: W}"),
        ('unit: "%"}', "unit: V}"),
        ("W, access: write, type: int16}", "P, access: write}\n  fallback: {after: 1, power_setpoint: 0, pwr: 1}"),
    )
    assert [line.split(": ")[0] for line in problems(tmp_path, text + METER.replace("modbus", "modbsu"))] == [
        "s2d.yaml:1:12",  # url
        "s2d.yaml:6:16",  # hots
        "s2d.yaml:7:13",  # capacity
        "s2d.yaml:8:9",  # poll
        "s2d.yaml:9:21",  # max_charge_power
        "s2d.yaml:12:32",  # a soc in V
        "s2d.yaml:13:23",  # register
        "s2d.yaml:14:44",  # unit P
        "s2d.yaml:15:21",  # after
        "s2d.yaml:15:43",  # pwr
        "s2d.yaml:17:11",  # modbsu
    ]


def test_what_is_written_is_what_one_gets(tmp_path: Path) -> None:
    text = edited(
        ("kind: battery", "kind: battery\n  resource_id: bat-1\n  control_types: [frbc, pebc]\n  serial_number: '007'"),
        ("capacity: 10 kWh", "capacity: 10 kWh\n  report: {power: 50 W, soc: 0.5 %, every: 30 s}"),
        ("power: {register: 842, unit: W}", "power: {from: Grid. Old meter.power}"),
        (
            "access: write, type: int16}",
            "access: write, type: int16}\n  fallback: {after: 2 min, power_setpoint: -1 kW}\n  poll: 500 ms",
        ),
    )
    identity = "2c4de72e-9ae7-4b4b-8e05-5a2f3a4b6c7d"
    (tmp_path / "s2d.yaml").write_text(
        f"gateway: {{name: on, id: {identity}, state_dir: state, time_zone: Europe/London}}\n" + text + METER
    )

    config = load(tmp_path)
    battery, meter = config.devices
    modbus = find_driver("modbus")

    assert config.gateway == Gateway(
        name="on", id=UUID(identity), state_dir=tmp_path / "state", time_zone="Europe/London"
    )
    assert config.cem == Cem(url="ws://10.0.0.1:8080/{resource_id}")
    assert (battery.name, battery.kind, battery.driver, battery.cem) == ("Home battery", "battery", modbus, config.cem)
    assert battery.settings == BatterySettings(
        capacity_wh=Energy(10_000), max_charge_power_w=Power(5000), max_discharge_power_w=Power(5000)
    )
    assert battery.connection == modbus.Connection(host="192.168.1.20")
    assert battery.points == {
        "soc": modbus.Point(register=843, unit="%"),
        "power_setpoint": modbus.Point(register=2700, unit="W", access="write", type="int16"),
    }
    assert battery.sources == {"power": PointSource("Grid. Old meter", "power")}
    assert battery.fallback == Fallback(120.0, (Setpoint("power_setpoint", -1000.0, "fallback"),))
    assert battery.report == Report(power_w=Power(50), fill_level=Percentage(0.5), every_s=Duration(30))
    assert (battery.resource_id, battery.control_types) == ("bat-1", ("frbc", "pebc"))
    assert (battery.serial_number, battery.model, battery.poll_s) == ("007", None, 0.5)
    assert (meter.kind, meter.settings, meter.cem, meter.fallback, meter.poll_s) == (None, None, None, None, 2.0)


def test_a_battery_falls_back_to_rest_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "s2d.yaml").write_text(GATEWAY)
    (battery,) = load(tmp_path).devices
    assert battery.fallback == Fallback(60.0, (Setpoint("power_setpoint", 0.0, "fallback"),))


def test_a_gateway_says_little_and_the_rest_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/s2d:/var/lib/other")
    (tmp_path / "s2d.yaml").write_text("devices: []\n")
    config = load(tmp_path)
    assert config.gateway.state_dir == Path("/var/lib/s2d")
    assert config.gateway.name
    assert (config.cem, config.devices) == (None, ())


def test_the_url_names_the_resource() -> None:
    cem = Cem(url="ws://cem/{name}/{resource_id}")
    assert cem.url_of(resource_id="a:1", name="Garage / left") == "ws://cem/Garage%20%2F%20left/a:1"


def test_the_example_of_the_contract_loads(tmp_path: Path) -> None:
    """A device as the reference spells it out, with a control type a battery cannot offer yet."""
    (tmp_path / "s2d.yaml").write_text("cem: {url: 'ws://192.168.1.10:8080/s2/{resource_id}'}\n")
    (tmp_path / "devices.d").mkdir()
    (tmp_path / "devices.d/battery.yaml").write_text("""\
name: Home battery
kind: battery
driver: modbus
connection: {host: 192.168.1.20, port: 502, unit: 1}
capacity: 10 kWh
max_charge_power: 5 kW
max_discharge_power: 5 kW
round_trip_efficiency: 92 %
usable_range: 10 % .. 95 %
phases: 3
control_types: [frbc, pebc]
poll: 2 s
points:
  soc:            {register: 843, table: input, type: uint16, unit: "%"}
  power:          {register: 842, table: input, type: int16, unit: W}
  power_setpoint: {register: 2700, table: holding, type: int16, unit: W, access: write, refresh: 20 s}
fallback:
  after: 60 s
  power_setpoint: 0 W
""")
    (battery,) = load(tmp_path).devices
    assert isinstance(battery.settings, BatterySettings)
    assert battery.settings.usable_range == PercentageRange((10.0, 95.0))


def test_commands_keep_their_distance_unless_their_owner_wants_it_otherwise(tmp_path: Path) -> None:
    given = {"": 1.0, ", interval: 0 s": 0.0, ", interval: 5 s": 5.0}
    for written, interval_s in given.items():
        (tmp_path / "s2d.yaml").write_text(edited(("access: write, type", f"access: write{written}, type")))
        (device,) = load(tmp_path).devices
        assert commands_of(device.make)["power_setpoint"].interval_s == interval_s
