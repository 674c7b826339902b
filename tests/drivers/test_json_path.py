"""Where a value stands in a message of JSON is written as its owner would point at it."""

from typing import Any

import msgspec
import pytest
from s2d_drivers.payload.json_path import MISSING, JsonPath

CHARGER = {"nrg": list(range(16)), "car": {"soc": 55, "name": None}, "switch:0": {"apower": 12.5}}
VALUES = [{"id": 0, "type": "voltage", "value": 230}, {"id": 0, "type": "activePower", "value": 1500}, {"id": True}]


@pytest.mark.parametrize(
    ("path", "document", "found"),
    [
        ("car.soc", CHARGER, 55),
        ("car.name", CHARGER, None),
        ("nrg[11]", CHARGER, 11),
        ("[1]", [3, 4], 4),
        ('["switch:0"].apower', CHARGER, 12.5),
        ("[id=0,type=activePower].value", VALUES, 1500),
        ("[ id = true ].id", VALUES, True),
        ("car.range", CHARGER, MISSING),
        ("car.soc.now", CHARGER, MISSING),
        ("nrg[16]", CHARGER, MISSING),
        ("[0]", CHARGER, MISSING),
        ("[id=1].value", VALUES, MISSING),
        ("[id=0]", 7, MISSING),
    ],
)
def test_it_finds_what_stands_there(path: str, document: Any, found: Any) -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(document))
    assert JsonPath.parse(path).of(decoded) == found


@pytest.mark.parametrize("path", ["", ".a", "a..b", "a b", "a[0]b", "[x]", "[]", '["a]', "[=1]", "a[-1]", "$.a"])
def test_what_is_no_path_is_refused_with_what_one_looks_like(path: str) -> None:
    with pytest.raises(ValueError, match=r"no JSON path; one is written like|members are written like") as refused:
        JsonPath.parse(path)
    assert path == "" or str(refused.value)
