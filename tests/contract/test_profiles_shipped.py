"""Every profile that comes with s2d is what its schema and its users expect, and `s2d profiles` tells of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from s2d.__main__ import main
from s2d.cli.profiles import example_yaml
from s2d.config import load
from s2d.config.profile import Library
from s2d.config.schema import profile_schema
from s2d.config.yaml_source import YamlNode, read
from s2d.errors import ConfigError
from tests.profiles.every import makes

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "drivers/profiles").glob("*.yaml"))
LIBRARY = Library()
HEADER = "# yaml-language-server: $schema=../../schemas/profile.schema.json"


def plain(node: YamlNode) -> Any:
    if isinstance(node.content, dict):
        return {key: plain(entry.node) for key, entry in node.content.items()}
    return [plain(inner) for inner in node.content] if isinstance(node.content, list) else node.content


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(profile_schema())
    return Draft202012Validator(profile_schema())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_editor_finds_nothing_wrong(file: Path, validator: Draft202012Validator) -> None:
    assert file.read_text().splitlines()[0] == HEADER
    complaints = [
        f"{'.'.join(map(str, each.path))}: {each.message}" for each in validator.iter_errors(plain(read(file, "")))
    ]
    # A fragment is no whole profile.
    assert [each for each in complaints if "required property" not in each or not file.stem.startswith("_")] == []


@pytest.mark.parametrize("name", LIBRARY.names())
def test_it_says_where_its_facts_are_from_and_has_a_test(name: str) -> None:
    profile = LIBRARY.profile(name)
    assert profile.about.sources
    assert profile.about.title.isprintable()
    assert (ROOT / f"tests/profiles/test_{name.replace('-', '_')}.py").is_file()


@pytest.mark.parametrize("name", LIBRARY.names())
def test_what_is_there_to_paste_is_a_device(name: str, tmp_path: Path) -> None:
    device = "\n".join(f"  {line}" for line in example_yaml(LIBRARY.profile(name)))
    (tmp_path / "s2d.yaml").write_text(f'cem: {{url: "ws://cem"}}\ndevices:\n- {device[2:]}\n')
    config = load(tmp_path)
    assert [each.profile for each in config.devices] == [name]
    assert config.warnings == ()


def test_the_name_to_paste_is_a_whole_one() -> None:
    names = {name: example_yaml(LIBRARY.profile(name))[0].removeprefix("name: ") for name in LIBRARY.names()}
    assert {name: names[name] for name in ("victron-gx-ess", "marstek-venus", "sungrow-sh", "sma-storage")} == {
        "victron-gx-ess": "Victron GX with ESS",
        "marstek-venus": "Marstek Venus E and C and Venus E v3",
        "sungrow-sh": "Sungrow SH hybrid inverters",
        "sma-storage": "SMA Sunny Boy Storage",
    }
    assert not [name for name in names.values() if {*name} & {*"(),"}]


def test_the_host_to_paste_is_the_brokers_where_there_is_one() -> None:
    hosts = {name: example_yaml(LIBRARY.profile(name))[2] for name in ("go-e-mqtt", "go-e-modbus")}
    assert hosts == {
        "go-e-mqtt": "connection: {host: 192.168.1.20}    # the broker",
        "go-e-modbus": "connection: {host: 192.168.1.20}",
    }


def test_they_are_listed_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "--kind", "battery"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["KIND", "PROFILE", "CONFIDENCE", "DEVICE"]
    assert {line.split()[0] for line in lines} == {"battery"}
    assert {line.index("read ") for line in lines} == {head.index("CONFIDENCE")}
    assert "sma-storage" in {line.split()[1] for line in lines}
    assert main(["profiles", "--kind", "toaster"]) == 0
    assert capsys.readouterr().out.startswith("no profile of a toaster; there are: battery")


def test_one_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "sma-storage"]) == 0
    told = capsys.readouterr().out
    for expected in (
        "sma-storage: SMA Sunny Boy Storage",
        "tested firmware  none; never tried on real hardware",
        "Set on the device first\n  - Log in to the inverter",
        "confidence       read medium, write medium",
        "What to know\n  - Danger: A hybrid is told the power of its whole AC side",
        "unit_id  whole number from 1 up to 247        default 3 ",
        "soc                read      %  state of charge",
        "power_setpoint  again every 20 s, gives control back",
        "Sources\n  - OpenEMS",
        "  profile: sma-storage\n  connection: {host: 192.168.1.20}\n  capacity: 10 kWh\n",
    ):
        assert expected in told


def test_an_unknown_one_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "sma-storrage"]) == 1
    assert capsys.readouterr().err == 's2d profiles: no profile "sma-storrage". Did you mean "sma-storage"?\n'


def test_an_owners_own_are_listed_and_what_is_wrong_with_them_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/acme.yaml").write_text("title: Acme meter\nof: meter\ndriver: modbus\npoints: {}\n")
    (tmp_path / "profiles/_part.yaml").write_text("points: {}\n")
    assert main(["profiles", "--kind", "meter", "-c", str(tmp_path)]) == 0
    listed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["meter", "acme", "read", "low,", "write", "low", "Acme", "meter"] in listed
    (tmp_path / "profiles/acme.yaml").write_text("title: 5\n")
    assert main(["profiles", "acme", "-c", str(tmp_path)]) == 78
    assert capsys.readouterr().err.startswith("profiles/acme.yaml:1:8: title: expected text, got 5")


def test_one_wrong_device_does_not_hide_another(tmp_path: Path) -> None:
    devices = [{"name": "a", "profile": "sma-storrage"}, {"name": "b", "profile": "sma-storage", "unit_id": "x"}]
    (tmp_path / "s2d.yaml").write_text(json.dumps({"cem": {"url": "ws://cem"}, "devices": devices}))
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    told = str(caught.value)
    assert 'no profile "sma-storrage"' in told
    assert 'b: unit_id: expected a whole number, got "x"' in told


@pytest.mark.parametrize("name", LIBRARY.names())
def test_what_it_changes_in_memory_it_puts_back_as_it_was(name: str) -> None:
    for make in makes(name):
        for command in make.commands.values():
            told = {point for step in command.steps for point in step.written}
            assert {point for point in told if make.points[point].persistent} <= command.restored


@pytest.mark.parametrize("name", LIBRARY.names())
def test_it_is_as_sure_of_its_facts_as_it_can_be(name: str) -> None:
    about = LIBRARY.profile(name).about
    assert about.confidence == about.stated_confidence
    writes = any(point.is_writable for make in makes(name) for point in make.points.values())
    assert (about.confidence.write is not None) == writes


HYBRIDS = (
    *("deye-3p", "fronius-gen24", "goodwe-et", "huawei-luna", "kostal-plenticore"),
    *("sma-storage", "solaredge-storage", "solax-g4", "sungrow-sh"),
)


@pytest.mark.parametrize("name", HYBRIDS)
def test_the_danger_of_a_hybrid_is_told_wherever_it_is_looked_at(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    danger = LIBRARY.profile(name).about.danger
    assert danger
    device = "\n".join(f"  {line}" for line in example_yaml(LIBRARY.profile(name)))
    gateway = f"gateway: {{state_dir: {tmp_path}/state}}\n"
    (tmp_path / "s2d.yaml").write_text(f'{gateway}cem: {{url: "ws://cem"}}\ndevices:\n- {device[2:]}\n')
    assert main(["check", "-c", str(tmp_path)]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if ": danger: " in line]
    assert line.endswith(f": danger: {danger}")
    assert main(["profiles", name]) == 0
    assert f"Danger: {danger}" in " ".join(capsys.readouterr().out.split())
