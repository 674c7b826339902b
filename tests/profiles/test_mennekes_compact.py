"""Mennekes Amtron Compact: its image, and what it is told; never a current of 0, which is no limit."""

import pytest

from s2d.errors import DeviceRefused
from tests.profiles.image import Image, Words, Written, configured, f32, played, text

OWNER = {"max_current": "16 A", "safe_current": "8.5 A"}
BEAT = Written(6, 0x0D00, [0x55AA])
ON, OFF = Written(6, 0x0D05, [1]), Written(6, 0x0D05, [0])
FLOATS = (0x114, 0x302, 0x306, *range(0x500, 0x514, 2), 0xB02, 0x1000)


def image(state: int = 5, **others: Words) -> Image:
    """A car that charges by 10 A."""
    return Image(
        {
            0x0000: 0x103,
            0x0001: text("01.03.00", 8),
            0x0013: text("AC123456", 8),
            0x0100: state,
            0x0114: f32(10.0),
            0x0302: f32(10.0),
            0x0306: f32(32.0),
            0x030C: 2,
            0x0500: [*f32(10.0), *f32(9.5), *f32(10.5)],
            0x0506: [*f32(229.0), *f32(230.0), *f32(231.0)],
            0x050C: [*f32(2300.0), *f32(2300.0), *f32(2300.0)],
            0x0512: f32(6900.0),
            0x073A: 8,
            0x0B02: f32(4.5),
            0x0D04: 0,
            0x0D05: 1,
            0x1000: f32(1234.5),
        }
        | {int(register[1:], 16): words for register, words in others.items()}
    )


def paused(**others: Words) -> Image:
    return image(2, **{"_D05": 0, "_512": f32(0.0), **others})


async def test_what_it_says() -> None:
    async with played("mennekes-compact", image(), **OWNER) as device:
        assert device.config.connection.unit == 50
        assert await device.read() == {
            "layout": 0x103,
            "firmware": "01.03.00",
            "serial": "AC123456",
            "state": "charging",
            "status": "C",
            "fault": "ok",
            "current_offered": 10,
            "current_max": 32,
            "phase_options": 2,
            "current_l1": 10,
            "current_l2": 9.5,
            "current_l3": 10.5,
            "voltage_l1": 229,
            "voltage_l2": 230,
            "voltage_l3": 231,
            "power": 6900,
            "own_safe_current": 8,
            "session_energy": 4500,
            "energy": 1_234_500,
            "limit": 10,
            "phase_count": 3,
            "released": 1,
        }


STATES = {0: "F", 1: "A", 2: "B", 3: "B", 4: "B", 5: "C", 6: "E", 7: "F"}


@pytest.mark.parametrize(("state", "status"), STATES.items())
async def test_what_its_states_mean(state: int, status: str) -> None:
    async with played("mennekes-compact", image(state), **OWNER) as device:
        readings = await device.read()
        assert readings["status"] == status
        assert (readings["fault"] == "ok") == (state != 6)


@pytest.mark.parametrize(("wanted_a", "written_a"), [(10, 10), (9.36, 9.3), (40, 16)])
async def test_its_limit_and_its_release_with_a_heartbeat(wanted_a: float, written_a: float) -> None:
    async with played("mennekes-compact", image(), **OWNER) as device:
        told = [BEAT, Written(16, 0x0302, f32(written_a)), ON]
        assert await device.told("current_limit", wanted_a) == told
        assert await device.told("current_limit", wanted_a, again=True) == told
        assert await device.released("current_limit") == [Written(16, 0x0302, f32(16)), ON]


@pytest.mark.parametrize("wanted_a", [0, 5.9])
async def test_it_is_stopped_without_a_current(wanted_a: float) -> None:
    async with played("mennekes-compact", image(), **OWNER) as device:
        assert await device.told("current_limit", wanted_a) == [BEAT, OFF]
    async with played("mennekes-compact", image(), min_current="5 A", **OWNER) as device:
        assert await device.told("current_limit", wanted_a) == [BEAT, OFF]


def test_it_hears_of_its_master_in_time() -> None:
    command = configured("mennekes-compact", connection={"serial": "/dev/ttyUSB0"}, **OWNER).make.commands[
        "current_limit"
    ]
    assert (command.refresh_s, command.timeout_s({}), command.interval_s) == (4, 10, 5)


async def test_with_its_words_in_the_other_order_it_gets_no_current_until_that_is_said() -> None:
    swapped = image()
    for register in FLOATS:
        words = swapped.holding
        words[register], words[register + 1] = words[register + 1], words[register]
    async with played("mennekes-compact", swapped, **OWNER) as device:
        with pytest.raises(DeviceRefused, match="max is unknown: current_max"):
            await device.told("current_limit", 10)
        assert await device.told("current_limit", 0) == [BEAT, OFF]
    async with played("mennekes-compact", swapped, order="CDAB", **OWNER) as device:
        assert (await device.read())["power"] == 6900
        assert await device.told("current_limit", 10) == [BEAT, Written(16, 0x0302, f32(10)[::-1]), ON]


async def test_its_fallback_is_set_in_whole_amperes_where_it_is_known_to_differ() -> None:
    async with played("mennekes-compact", image(), **OWNER) as device:
        assert await device.started() == []
    async with played("mennekes-compact", image(_73A=0), **OWNER) as device:
        assert await device.started() == [Written(6, 0x073A, [8])]
    early = image()
    del early.holding[0x073A]
    async with played("mennekes-compact", early, **OWNER) as device:
        assert await device.started() == []


async def test_its_phases_are_switched_while_it_is_paused() -> None:
    async with played("mennekes-compact", paused(), **OWNER) as device:
        assert await device.told("phase_count", 1) == [Written(6, 0x0D04, [1])]
        assert (await device.read())["phase_count"] == 1
        assert await device.told("phase_count", 3) == [Written(6, 0x0D04, [0])]
    for other in (paused(_100=5), paused(_D05=1), paused(_512=f32(900.0)), paused(_30C=1)):
        async with played("mennekes-compact", other, **OWNER) as device:
            with pytest.raises(DeviceRefused, match="it is not paused, or cannot switch phases"):
                await device.told("phase_count", 1)
