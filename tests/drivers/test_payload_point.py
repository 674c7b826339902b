"""What a message says of a point, whatever else it may say."""

from typing import Any

import pytest
from s2d_drivers.payload.document import Document
from s2d_drivers.payload.point import PayloadPoint

from s2d.values import Quality, Reading


def read(payload: bytes, **settings: Any) -> Reading | None:
    return PayloadPoint(**settings).reading_in("x", Document(payload), 7.0)


@pytest.mark.parametrize(
    ("payload", "settings", "value"),
    [
        (b"12.5", {"unit": "kW"}, 12_500.0),
        (b" 12 \n", {"unit": "W"}, 12),
        (b"-1e3", {"unit": "W"}, -1000.0),
        (b'"21.5"', {"unit": "W"}, 21.5),
        (b"21,5 W", {"unit": "W", "decimal": ",", "suffix": " W"}, 21.5),
        (b"1;2;3.5", {"unit": "A", "split": ";", "index": 2}, 3.5),
        (b'{"a": {"b": [0, 7]}}', {"json": "a.b[1]"}, 7),
        (b"on", {}, "on"),
        (b"true", {}, True),
        (b"true", {"invert": True}, False),
        ("Lädt".encode(), {"values": {"lädt": "C", "_": "B"}}, "C"),
        (b"ON", {"values": {"on": "C", "off": "B"}}, "C"),
        (b"true", {"values": {"true": "C", "false": "B"}}, "C"),
        (b"true", {"values": {"1": "C", "0": "B"}}, "C"),
        (b"1.0", {"values": {"1": "C"}}, "C"),
        (b'"1"', {"values": {"1": "C"}}, "C"),
    ],
)
def test_it_says_a_value(payload: bytes, settings: dict[str, Any], value: Any) -> None:
    assert read(payload, **settings) == Reading("x", value, at=7.0)


@pytest.mark.parametrize("payload", [b"", b"null", b"NaN", b"nan", b"Unavailable", b'"unknown"', b"none", b"inf"])
def test_it_says_that_there_is_none(payload: bytes) -> None:
    reading = read(payload, unit="W")
    assert reading
    assert (reading.value, reading.quality) == (None, Quality.ABSENT)


@pytest.mark.parametrize(
    ("payload", "settings", "why"),
    [
        (b"hello", {"unit": "W"}, "'hello' is no number of W"),
        (b"true", {"unit": "W"}, "True is no number of W"),
        (b"1_000", {"unit": "W"}, "'1_000' is no number of W"),
        ("１２".encode(), {"unit": "W"}, "'１２' is no number of W"),
        (b'"' + b"9" * 65 + b'"', {"unit": "W"}, f"'{'9' * 64}' is no number of W"),
        (b"1e999", {"unit": "W"}, "inf is no measurement"),
        (b"123456789012345678901234567890", {"unit": "W"}, "12345678901234567890… is too large a number"),
        (b"4", {"values": {"1": "C"}}, "4 is none of the values 1"),
        (b"101", {"unit": "%", "max": 100.0}, "101 % is outside … .. 100"),
        (b'{"a": 1}', {"unit": "W"}, "'{\"a\": 1}' is no single value; say with `json` where in it the value is"),
        (b'{"a": [1]}', {"json": "a"}, "there are several values; say with `json` which"),
        (b"{", {"json": "a"}, "'{' is no JSON"),
        (b"[" * 100_000, {"json": "a"}, f"'{'[' * 40}…' is no JSON"),
        (b"\xff\xfe", {}, "'\ufffd\ufffd' is no text in UTF-8"),
        (b"1;2", {"split": ";", "index": 2}, "'1;2' has no value number 2"),
    ],
)
def test_what_cannot_be_true_is_bad_with_why(payload: bytes, settings: dict[str, Any], why: str) -> None:
    assert read(payload, **settings) == Reading("x", None, Quality.BAD, why, at=7.0)


def test_what_a_message_lacks_is_no_news() -> None:
    assert read(b'{"a": 1}', json="b") is None


@pytest.mark.parametrize(
    ("settings", "value", "said"),
    [
        ({"unit": "kW"}, 3450.0, "3.45"),
        ({"unit": "A", "decimals": 0}, 13.9, "13"),
        ({"unit": "W"}, -0.0, "0"),
        ({"unit": "W", "decimals": 1}, -0.04, "0"),
        ({"unit": "W"}, 1e-7, "0.0000001"),
        ({"unit": "W"}, 1e22, "10000000000000000000000"),
        ({"payload": '{"id": {id}, "src": "{client}", "on": {value}}'}, True, '{"id": 5, "src": "me", "on": true}'),
        ({"payload": '{"mode": {value}}', "values": {"ECO": "eco"}}, "eco", '{"mode": "ECO"}'),
        ({"payload": '{"mode": "{value}"}', "values": {'a"b': "eco"}}, "eco", '{"mode": "a\\"b"}'),
        ({"payload": '{"on": {value}}', "values": {"true": "on", "false": "off"}}, "off", '{"on": false}'),
        ({"payload": "set {value};"}, 4, "set 4;"),
    ],
)
def test_what_is_written_is_as_its_device_reads_it(settings: dict[str, Any], value: Any, said: str) -> None:
    point = PayloadPoint(access="write", **settings)
    assert point.said_for(value, number=5, client="me") == said


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"json": "a..b"}, "no JSON path"),
        ({"stamp": "["}, "no JSON path"),
        ({"index": 1}, "needs split"),
        ({"access": "write", "payload": "on"}, r"payload has no \{value\}"),
        ({"access": "write", "payload": '{"a": {value}'}, "no JSON once its holes are filled"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PayloadPoint(**settings)
