"""SunSpec: where points are, compared with what pysunspec2 makes of its definitions, and which models a device has."""

import asyncio
import json
import struct
from collections.abc import Sequence
from importlib.resources import files

import pytest
from s2d_drivers.modbus.codec import Codec
from s2d_drivers.modbus.point import ModbusPoint
from s2d_drivers.modbus.register_block import RegisterBlock
from s2d_drivers.modbus.sunspec.definitions import definition_of
from s2d_drivers.modbus.sunspec.discovery import SunSpecDiscovery
from sunspec2.device import Model
from sunspec_peers import COUNTS, model, sunspec_map

from s2d.errors import DeviceRefused, DeviceUnreachable
from s2d.values import Quality, Reading

MODELS = sorted(
    int(path.name[len("model_") : -len(".json")])
    for path in (files("sunspec2") / "models" / "json").iterdir()
    if path.name.startswith("model_")
)
RAW = {"string": "Acme", "float32": 12.5, "float64": 12.5, "ipaddr": None, "ipv6addr": None, "eui48": None, "pad": None}
"""A raw value of each type; 5 of all others."""
UNLIKE = ("ID", "L", *COUNTS)
"""Points that have a value of their own."""
LONGEST = 123
"""Registers; one request cannot carry more."""


@pytest.mark.parametrize(
    ("address", "group", "offset", "kind", "scale_offset"),
    [
        ("802:SoC", None, 11, "uint16", 56),
        ("802:W", None, 47, "int16", 63),
        ("103:W", None, 14, "int16", 15),
        ("103:WH", None, 24, "uint32", 26),
        ("113:W", None, 22, "float32", None),
        ("123:WMaxLimPct", None, 5, "uint16", 23),
        ("124:OutWRte", None, 12, "int16", 25),
        ("160:DCW", 2, 10 + 2 * 20 + 11, "uint16", 4),
        ("203:W", None, 18, "int16", 22),
        ("704:WSet", None, 24, "int32", 55),
        ("704:PFWInj.PF", None, 59, "uint16", 53),
        ("704:PFWAbsRvrt.Ext", None, 59 + 3 * 2 + 1, "uint16", None),
        ("714:DCW", None, 6, "int16", 17),
        ("714:DCW", 0, 20 + 12, "int16", 17),
        ("1:SN", None, 50, "string[32]", None),
        ("203#2:W", None, 18, "int16", 22),
    ],
)
def test_a_point_is_where_manuals_have_it(
    address: str, group: int | None, offset: int, kind: str, scale_offset: int | None
) -> None:
    place = definition_of(address, group)
    assert (place.offset, place.type, place.scale_offset) == (offset, kind, scale_offset)


@pytest.mark.parametrize("number", MODELS)
def test_every_point_of_every_model_says_what_its_makers_software_wrote(number: int) -> None:
    definition = json.loads((files("sunspec2") / "models" / "json" / f"model_{number}.json").read_bytes())
    points = {point["name"]: point for point in definition["group"]["points"] if point["name"] not in UNLIKE}
    points = {name: point for name, point in points.items() if point["size"] <= LONGEST}
    raw = {name: -2 if point["type"] == "sunssf" else RAW.get(point["type"], 5) for name, point in points.items()}
    written = Model(number, data=raw | dict.fromkeys(COUNTS, 0))
    words = struct.unpack(f">{written.len}H", written.get_mb())
    for name in points.keys() - {name for name in raw if raw[name] is None}:
        place = definition_of(f"{number}:{name}")
        assert (place.offset, place.end - place.offset) == (written.points[name].offset, written.points[name].len)
        unit = "" if isinstance(raw[name], str) else "W"  # so that the names of numbers do not count
        codec = Codec(name, ModbusPoint(sunspec=f"{number}:{name}", unit=unit).located(place))
        value = codec.reading_of(own_words(codec, words)).value
        scale = points[name].get("sf", 0)
        is_text = isinstance(raw[name], str)
        assert value == (raw[name] if is_text else raw[name] * 10.0 ** (scale if isinstance(scale, int) else -2)), name


@pytest.mark.parametrize("number", MODELS)
def test_what_a_device_does_not_implement_is_absent(number: int) -> None:
    words = model(number)
    for name, point in Model(number, data=dict.fromkeys(COUNTS, 0)).points.items():
        if name in UNLIKE or point.pdef["type"] == "pad" or point.len > LONGEST:
            continue
        codec = Codec(name, ModbusPoint(sunspec=f"{number}:{name}").located(definition_of(f"{number}:{name}")))
        assert codec.reading_of(own_words(codec, words)).quality is Quality.ABSENT, name


def own_words(codec: Codec, words: Sequence[int]) -> list[int]:
    return [word for block in codec.blocks for word in words[block.register :][: block.count]]


def point(address: str, **settings: object) -> ModbusPoint:
    return ModbusPoint(sunspec=address, **settings).located(definition_of(address, settings.get("group")), 100)


def test_a_state_has_the_models_name_unless_the_owner_gives_another() -> None:
    charging = Codec("p", point("802:ChaSt"))
    assert charging.reading_of([4]) == Reading("p", "CHARGING")
    mapped = Codec("p", point("802:ChaSt", values={"CHARGING": "charging", "3": "discharging"}))
    assert [mapped.reading_of([raw]).value for raw in (4, 3)] == ["charging", "discharging"]
    ena = Codec("p", point("123:WMaxLim_Ena", access="read_write"))
    assert ena.words_of("ENABLED") == ena.words_of(1) == ena.words_of(True) == [1]


def test_a_bit_field_is_a_number_or_names_or_single_bits() -> None:
    assert Codec("p", point("802:Evt1")).reading_of([0, 3]).value == 3
    assert Codec("p", point("802:Evt1", flags="model")).reading_of([0, 3]).value == (
        "COMMUNICATION_ERROR, OVER_TEMP_ALARM"
    )
    some = Codec("p", point("802:Evt1", flags={"OVER_TEMP_ALARM": "too hot", "31": "odd"}))
    assert [some.reading_of(words).value for words in ([0, 3], [0, 1], [0x8000, 0])] == ["too hot", "ok", "odd"]
    limits_charging = Codec("p", point("124:StorCtl_Mod", bits=0, type="bool", access="read_write"))
    assert limits_charging.reading_of([3]) == Reading("p", True)
    assert limits_charging.words_of(False, [3]) == [2]


def test_the_owner_may_know_better_what_is_no_value() -> None:
    assert Codec("p", point("203:TotWhImp")).reading_of([0, 0, 0]).quality is Quality.ABSENT
    assert Codec("p", point("203:TotWhImp", absent="keep", unit="Wh")).reading_of([0, 0, 0]) == Reading("p", 0)
    assert Codec("p", point("103:W", absent="zero", unit="W")).reading_of([0x8000, 0x8000]) == Reading("p", 0)
    assert Codec("p", point("103:W", sentinel=7, scale=2)).reading_of([0x8000, 0]).value == -65536


class Device:
    """The words of a device by register, which one can change; counts what it was asked."""

    def __init__(self, base: int, words: Sequence[int]) -> None:
        self.words = dict(enumerate(words, base))
        self.asked: list[RegisterBlock] = []
        self.connection: int | None = None
        self.is_reachable = True
        self.takes_s = 0.0

    async def read(self, block: RegisterBlock) -> list[int]:
        self.asked.append(block)
        await asyncio.sleep(self.takes_s)
        if not self.is_reachable:
            raise DeviceUnreachable("no answer")
        self.connection = self.connection or 1
        try:
            return [self.words[register] for register in range(block.register, block.register + block.count)]
        except KeyError:
            raise DeviceRefused("no such address") from None

    def replace(self, base: int, words: Sequence[int]) -> None:
        self.words = dict(enumerate(words, base))

    async def discover(self, discovery: SunSpecDiscovery) -> int:
        """How many questions that took."""
        before = len(self.asked)
        await discovery.discover(self.read, lambda: self.connection)
        return len(self.asked) - before


SOC = {"soc": ModbusPoint(sunspec=("713:SoC", "802:SoC"), unit="%")}


def soc_at(discovery: SunSpecDiscovery) -> int:
    return discovery.codecs["soc"].value_blocks[0].register


@pytest.mark.parametrize("base", [40000, 0, 50000])
async def test_the_map_is_found_wherever_the_standard_allows_it(base: int) -> None:
    device = Device(base, sunspec_map(model(1), model(802)))
    discovery = SunSpecDiscovery(SOC)
    await device.discover(discovery)
    assert soc_at(discovery) == base + 2 + 68 + 11
    assert not discovery.missing


async def test_the_first_alternative_that_the_device_has_is_taken() -> None:
    device = Device(40000, sunspec_map(model(1), model(802), model(713)))
    discovery = SunSpecDiscovery(SOC)
    await device.discover(discovery)
    assert soc_at(discovery) == 40000 + 2 + 68 + 64 + 4
    assert discovery.codecs["soc"].point.scale_register is not None


async def test_of_models_that_occur_twice_each_can_be_meant() -> None:
    device = Device(40000, sunspec_map(model(1), model(203), model(1), model(203)))
    discovery = SunSpecDiscovery({f"w{n}": ModbusPoint(sunspec=f"203#{n}:W") for n in (1, 2, 3)})
    await device.discover(discovery)
    assert {name: codec.blocks[0].register for name, codec in discovery.codecs.items()} == {
        "w1": 40000 + 2 + 68 + 18,
        "w2": 40000 + 2 + 68 + 107 + 68 + 18,
    }
    assert discovery.missing == {
        "w3": Reading("w3", None, Quality.BAD, "the device has no 203#3:W; its SunSpec models are 1, 203, 1, 203")
    }


async def test_a_point_that_is_optional_is_absent_where_the_device_lacks_it() -> None:
    device = Device(40000, sunspec_map(model(1), model(160, {"module": [{}, {}]})))
    points = {
        "third": ModbusPoint(sunspec="160:DCW", group=2, optional=True),
        "second": ModbusPoint(sunspec="160:DCW", group=1),
        "soc": SOC["soc"],
    }
    discovery = SunSpecDiscovery(points)
    await device.discover(discovery)
    assert list(discovery.codecs) == ["second"]
    assert discovery.missing == {
        "third": Reading(
            "third", None, Quality.ABSENT, "the device has no 160:DCW group 2; its SunSpec models are 1, 160"
        ),
        "soc": Reading(
            "soc", None, Quality.BAD, "the device has no 713:SoC nor 802:SoC; its SunSpec models are 1, 160"
        ),
    }


async def test_a_model_that_is_shorter_than_its_definition_lacks_what_is_cut_off() -> None:
    shortened = model(802)[:30]
    shortened[1] = 28
    device = Device(40000, sunspec_map(model(1), shortened))
    discovery = SunSpecDiscovery({"hb": ModbusPoint(sunspec="802:Hb"), "w": ModbusPoint(sunspec="802:W")})
    await device.discover(discovery)
    assert (list(discovery.codecs), list(discovery.missing)) == (["hb"], ["w"])


@pytest.mark.parametrize(
    "words",
    [
        sunspec_map(model(1), model(802))[:-2],
        [*sunspec_map(model(1), model(802))[:-2], 0, 0, 0, 0],
        [*sunspec_map(model(1), model(802))[:-2], 64999, 0xFFFF, 0, 0],
    ],
    ids=["no end", "zeros instead of an end", "a length beyond all registers"],
)
async def test_a_map_without_a_proper_end_ends_all_the_same(words: list[int]) -> None:
    device = Device(40000, words)
    discovery = SunSpecDiscovery(SOC)
    assert await device.discover(discovery) == 4
    assert soc_at(discovery) == 40000 + 2 + 68 + 11
    device.connection = 2
    is_odd = 64999 in words
    assert await device.discover(discovery) == 2 + (4 if is_odd else 0), (
        "checked only, where there is an end of some kind"
    )
    assert soc_at(discovery) == 40000 + 2 + 68 + 11


async def test_an_endless_map_is_left_after_a_hundred_models() -> None:
    device = Device(40000, [*sunspec_map()[:2], *([64999, 0] * 3000)])
    discovery = SunSpecDiscovery(SOC)
    assert await device.discover(discovery) == 1 + 100


async def test_on_one_connection_it_is_asked_once_and_on_the_next_it_is_only_checked() -> None:
    device = Device(40000, sunspec_map(model(1), model(103), model(802)))
    discovery = SunSpecDiscovery(SOC)
    assert await device.discover(discovery) == 1 + 4
    assert await device.discover(discovery) == 0
    codecs = discovery.codecs
    device.connection = None
    assert await device.discover(discovery) == 2
    assert await device.discover(discovery) == 0
    device.connection = 2
    assert await device.discover(discovery) == 2
    assert discovery.codecs is codecs


async def test_a_device_that_fell_silent_is_checked_before_the_next_use() -> None:
    device = Device(40000, sunspec_map(model(1), model(103), model(802)))
    discovery = SunSpecDiscovery(SOC)
    await device.discover(discovery)
    with pytest.raises(DeviceUnreachable), discovery.invalidated_by_silence():
        raise DeviceUnreachable("no answer")
    with discovery.invalidated_by_silence():
        assert await device.discover(discovery) == 2
    assert await device.discover(discovery) == 0


@pytest.mark.parametrize(
    ("models", "register"),
    [
        ([model(1), model(113), model(802)], 40000 + 2 + 68 + 62 + 11),
        ([model(1), model(103), model(802), model(713)], 40000 + 2 + 68 + 52 + 64 + 4),
    ],
    ids=["it moved", "a better one came behind it"],
)
async def test_what_changed_while_we_were_away_is_found_again(models: list[list[int]], register: int) -> None:
    device = Device(40000, sunspec_map(model(1), model(103), model(802)))
    discovery = SunSpecDiscovery(SOC)
    await device.discover(discovery)
    before = discovery.codecs
    device.connection = 2
    device.replace(40000, sunspec_map(*models))
    await device.discover(discovery)
    assert soc_at(discovery) == register
    assert discovery.codecs is not before


async def test_a_device_without_a_map_is_asked_again_until_it_has_one() -> None:
    device = Device(40000, [0] * 4)
    discovery = SunSpecDiscovery(SOC)
    assert await device.discover(discovery) == 3
    missing = discovery.missing
    assert missing["soc"].detail == (
        'the device has no SunSpec map: no "SunS" at 40000, 0 or 50000; is SunSpec switched on there?'
    )
    assert await device.discover(discovery) == 3
    assert discovery.missing is missing
    device.replace(40000, sunspec_map(model(1), model(802)))
    await device.discover(discovery)
    assert not discovery.missing
    assert soc_at(discovery) == 40000 + 2 + 68 + 11


async def test_a_device_that_falls_silent_meanwhile_is_asked_again_from_the_start() -> None:
    device = Device(40000, sunspec_map(model(1), model(802)))
    device.is_reachable = False
    discovery = SunSpecDiscovery(SOC)
    with pytest.raises(DeviceUnreachable):
        await device.discover(discovery)
    assert (discovery.codecs, discovery.missing) == ({}, {})
    device.is_reachable = True
    await device.discover(discovery)
    assert soc_at(discovery) == 40000 + 2 + 68 + 11


SLOW = sunspec_map(model(1), *(model(203) for _ in range(12)), model(802))


async def _found_slowly(device: Device, discovery: SunSpecDiscovery) -> str:
    with pytest.raises(DeviceUnreachable) as why:
        await device.discover(discovery)
    return str(why.value)


@pytest.mark.virtual_time
async def test_a_slow_device_is_asked_on_where_it_was_broken_off() -> None:
    device = Device(40000, SLOW)
    device.takes_s = 2.6
    discovery = SunSpecDiscovery(SOC)
    told = await _found_slowly(device, discovery)
    assert told == "it is slow to say which SunSpec models it has: 6 so far; asking goes on"
    assert (discovery.codecs, discovery.missing) == ({}, {})
    assert "13 so far" in await _found_slowly(device, discovery)
    await device.discover(discovery)
    assert soc_at(discovery) == 40000 + 2 + 68 + 12 * 107 + 11
    assert len(device.asked) == 1 + 15 + 2, "what was on its way is asked again"
    assert await device.discover(discovery) == 0


@pytest.mark.virtual_time
@pytest.mark.parametrize("meanwhile", ["another connection", "silence"])
async def test_what_may_be_another_device_meanwhile_is_asked_from_the_start(meanwhile: str) -> None:
    device = Device(40000, SLOW)
    device.takes_s = 2.6
    discovery = SunSpecDiscovery(SOC)
    await _found_slowly(device, discovery)
    if meanwhile == "silence":
        device.is_reachable = False
        assert await _found_slowly(device, discovery) == "no answer"
        device.is_reachable = True
    else:
        device.connection = 2
    device.asked.clear()
    assert "6 so far" in await _found_slowly(device, discovery)
    assert device.asked[0] == RegisterBlock("holding", 40000, 2)


async def test_without_sunspec_points_nothing_is_asked() -> None:
    device = Device(40000, [])
    assert await device.discover(SunSpecDiscovery({"p": ModbusPoint(register=7)})) == 0
