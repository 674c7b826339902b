"""The committed JSON Schemas say what the decoder does, as far as a schema can."""

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from s2d.__main__ import main
from s2d.config import load
from s2d.config.schema import device_schema, gateway_schema, texts
from s2d.config.yaml_source import YamlNode, parse, read
from s2d.rm.kinds import KINDS

ROOT = Path(__file__).parents[2]
SCRIPTS_OF_THE_CEM = "script.yaml"
DOCUMENTS = [file for file in ROOT.glob("config/**/*.yaml") if file.name != SCRIPTS_OF_THE_CEM]
BATTERY = (ROOT / "config/example/devices.d/battery.yaml").read_text()


def plain(node: YamlNode) -> Any:
    """*node* without positions, as JSON has it."""
    if isinstance(node.content, dict):
        return {key: plain(entry.node) for key, entry in node.content.items()}
    return [plain(inner) for inner in node.content] if isinstance(node.content, list) else node.content


def complaints(text: str) -> list[str]:
    return [error.message for error in Draft202012Validator(device_schema()).iter_errors(plain(parse(text, "x")))]


def test_the_committed_schemas_are_the_generated_ones() -> None:
    committed = {file.name: file.read_text() for file in (ROOT / "schemas").glob("*.json")}
    assert committed == texts(), "run: python -m s2d.config.schema schemas"


def test_the_schemas_are_schemas() -> None:
    Draft202012Validator.check_schema(gateway_schema())
    Draft202012Validator.check_schema(device_schema())


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_we_ship_validates_against_the_schema_it_names(file: Path) -> None:
    key, _, target = file.read_text().splitlines()[0].partition("=")
    assert key == "# yaml-language-server: $schema"
    schema = (file.parent / target).resolve()
    assert schema.parent == ROOT / "schemas"
    validator = Draft202012Validator(gateway_schema() if schema.name == "s2d.schema.json" else device_schema())
    validator.validate(plain(read(file, file.name)))


def test_an_editor_is_told_where_the_schemas_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    named = re.findall(r"# yaml-language-server: \$schema=(.+)", capsys.readouterr().out)
    assert [Path(each).read_text() for each in named] == list(texts().values())


@pytest.mark.parametrize("folder", sorted(str(each.parent) for each in (ROOT / "config").rglob("s2d.yaml")))
def test_what_we_ship_loads_and_is_nothing_to_warn_of(folder: str) -> None:
    config = load(Path(folder))
    assert config.devices
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("capacity: 10 kWh", "capacity: 10", "10 is not of type 'string'"),
        ("capacity: 10 kWh", "capacity: 10 kW", "'10 kW' does not match"),
        ("capacity: 10 kWh\n", "", "'capacity' is a required property"),
        ("capacity: 10 kWh", "capacity: 10 kWh\nfases: 1", "('fases' was unexpected)"),
        ("kind: battery", "kind: toaster", f"'toaster' is not one of {list(KINDS)}"),
        ("kind: battery\n", "", "False schema does not allow '10 kWh'"),
        ("{host: 192.168.1.20, unit: 1}", "{hots: x}", "('hots' was unexpected)"),
        ("{host: 192.168.1.20, unit: 1}", "{host: x, unit: 999}", "999 is greater than the maximum"),
        ("table: input, type: uint16", "table: inputs, type: uint16", "'inputs' is not one of"),
        ("  soc: {", "  sco: {", "'sco' is not one of"),
        ("after: 60 s", "after: 60", "60 is not of type 'string'"),
        ("  power_setpoint: 0 W", "  power_setpoint: 0", "0 is not of type 'string'"),
        ("soc: {register: 843, table: input,", "soc: {from: a.soc, table: input,", "unexpected)"),
    ],
)
def test_what_is_wrong_does_not_validate(old: str, new: str, complaint: str) -> None:
    assert BATTERY.count(old) == 1
    found = complaints(BATTERY.replace(old, new))
    assert any(complaint in message for message in found), found


def keys_of(schema: Any) -> dict[str, str]:
    """Every key a user can write → what the schema says of it."""
    found: dict[str, str] = {}
    for key, value in schema.items() if isinstance(schema, dict) else enumerate(schema):
        inner = keys_of(value) if isinstance(value, dict | list) else {}
        if key == "properties":
            inner |= {name: said.get("description", "") for name, said in value.items() if isinstance(said, dict)}
        found |= {name: found.get(name) or said for name, said in inner.items()}
    return found


def test_every_key_is_described() -> None:
    undescribed = {key for key, description in keys_of(gateway_schema()).items() if not description}
    assert undescribed == set(), "say it below the field, or in its Meta"
