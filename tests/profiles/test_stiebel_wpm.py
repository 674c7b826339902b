"""Stiebel Eltron's WPM behind an ISG: its image, and what it is told."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Pause, Words, Written, i16, played

COMFORT, SG_READY, INPUT_1, INPUT_2 = 1509, 4000, 4001, 4002
NONE = 0x8000
HEATS, HEATS_WATER, RUNS, SUMMER, COOLS, DEFROSTS = (1 << bit for bit in (4, 5, 6, 7, 8, 9))


def image(operation: int = HEATS_WATER | RUNS | SUMMER, sg_state: int = 2, **others: Words) -> Image:
    """A WPM3 that heats hot water, and nobody tells it anything."""
    input: dict[int, Words] = {
        506: i16(-73),
        521: 481,
        2500: operation,
        2503: 0,
        5000: [sg_state, 390],
    }
    image = Image({COMFORT: 500, SG_READY: [1, 0, 0]}, input=input)
    image.input |= {int(register[1:]): word for register, word in others.items() if isinstance(word, int)}
    return image


async def test_what_it_says() -> None:
    async with played("stiebel-wpm", image()) as device:
        assert await device.read() == {
            "controller": "WPM3",
            "outdoor": pytest.approx(-7.3),
            "temperature": pytest.approx(48.1),
            "heats": False,
            "heats_water": True,
            "runs": True,
            "compressor": True,
            "cools": False,
            "defrosts": False,
            "status": "hot_water",
            "error": "none",
            "fault": "ok",
            "sg_state": 2,
            "sg_ready": "on",
            "input_1": 0,
            "input_2": 0,
            "comfort": 50,
        }


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        (0, "rest"),
        (SUMMER, "rest"),
        (HEATS, "rest"),
        (HEATS | RUNS, "heat"),
        (HEATS_WATER | RUNS, "hot_water"),
        (HEATS | HEATS_WATER | RUNS, "hot_water"),
        (COOLS | RUNS, "cool"),
        (HEATS | RUNS | DEFROSTS, "defrost"),
    ],
)
async def test_what_it_does(operation: int, status: str) -> None:
    async with played("stiebel-wpm", image(operation)) as device:
        assert (await device.read())["status"] == status


async def test_a_fault() -> None:
    async with played("stiebel-wpm", image(_2503=1)) as device:
        assert (await device.read())["fault"] != "ok"


async def test_what_it_does_not_have_is_unknown() -> None:
    gone: dict[str, Words] = {f"_{register}": NONE for register in (506, 521, 2503, 5000)}
    async with played("stiebel-wpm", image(NONE, **gone)) as device:
        known = await device.read()
        assert not known.keys() & {"outdoor", "temperature", "status", "compressor", "fault", "sg_state"}


def inputs(first: int, second: int) -> list[Written | Pause]:
    return [Written(6, INPUT_1, [first]), Written(6, INPUT_2, [second])]


async def test_its_inputs_open_before_the_other_closes() -> None:
    async with played("stiebel-wpm", image()) as device:
        blocks = Written(6, INPUT_2, [1])
        recommends = Written(6, INPUT_1, [1])
        assert await device.told("mode", "off") == [Written(6, INPUT_1, [0]), Pause(1), blocks]
        assert await device.told("mode", "boost") == [Written(6, INPUT_2, [0]), Pause(1), recommends]
        assert await device.told("mode", "normal") == [*inputs(0, 0), Pause(1)]
        assert await device.told("mode", "forced") == [Pause(1), recommends, blocks]
        assert await device.released("mode") == inputs(0, 0)


async def test_it_is_not_told_a_state_while_that_is_switched_off() -> None:
    off = image()
    off.holding[SG_READY] = 0
    async with played("stiebel-wpm", off) as device:
        with pytest.raises(DeviceRefused, match="switched off"):
            await device.told("mode", "off")
        assert await device.released("mode") == inputs(0, 0)


@pytest.mark.parametrize(("wanted_c", "written"), [(55, 550), (52.7, 525), (5, 100), (80, 600)])
async def test_its_hot_water_which_is_put_back_as_it_was(wanted_c: float, written: int) -> None:
    async with played("stiebel-wpm", image()) as device:
        assert await device.told("temperature_setpoint", wanted_c) == [Written(6, COMFORT, [written])]
        assert await device.released("temperature_setpoint") == [Written(6, COMFORT, [500])]


async def test_its_hot_water_is_kept_in_memory_that_wears() -> None:
    async with played("stiebel-wpm", image()) as device:
        comfort = device.make.points["comfort"]
        assert (comfort.persistent, comfort.daily_writes) == (True, 20)
        assert all(command.refresh_s is None for command in device.commands.values())
