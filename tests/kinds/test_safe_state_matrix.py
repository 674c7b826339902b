"""The safe-state matrix: each kind of device under each control type, on each occasion, and what it holds from then on.

The device does what it is told, and what is read of it says so. What is limited keeps its limit to its own end, though
nobody is in charge; what is ordered to a mode does not.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from s2d.events import Applied, Lost, Refused
from s2d.rm.occasion import Occasion
from s2d.s2.effects import Apply, Connected, Disconnected, Effect, Started, Stopping
from s2d.s2.messages import frbc, ombc
from s2d.s2.messages.common import (
    CommodityQuantity,
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    RevokableObjects,
    RevokeObject,
)
from s2d.values import RELEASE, Value

from .ev_stage import POINTS as CHARGER
from .stage import FRBC, OMBC, PEBC, KindStage, statuses
from .test_battery_reserve import FORCED, LIMITED, SWITCHED
from .test_battery_reserve import KEYS as BATTERY
from .test_ev_frbc import KEYS as PLANNED
from .test_heat_pump_frbc import OFFERED, SET
from .test_heat_pump_safe_states import CAPPED
from .test_heat_pump_sg_ready import RELAYS
from .test_load import BOILER, HEATER, PLUG
from .test_pv import INVERTER

BESIDE = (
    BATTERY
    + """\
  forced: {register: 3, type: int16, unit: W, access: write}
  is_forced: {register: 4, access: write}
  most: {register: 5, unit: W, access: write}
  least: {register: 6, unit: W, access: write}
commands:
  power_setpoint:
    unit: W
    steps: [{write: {forced: value, is_forced: 1}}]
    release: [{write: {is_forced: 0}}]
  charge_limit: {unit: W, steps: [{write: {most: value}}]}
  discharge_limit: {unit: W, steps: [{write: {least: value}}]}
"""
)
L1, SYMMETRIC = CommodityQuantity.ELECTRIC_POWER_L1, CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC
MAX_AGE_S = 30.0
STEP_S = 10.0
SETTLED_S, FOLLOWED_S = 380.0, 20.0
LIMIT_S = 1800.0
"""How long a limit is ordered to hold."""
WATCHED_S = 2400.0
UNLIMITED_S = 300.0
"""A session that sets no limit ends an earlier one after so long."""
UNKNOWN_S = 300.0
"""What is unknown for so long is offered no more."""
AWAY_S = 20.0
"""For how long a CEM is away that comes back."""
LOST_S = 12 * 60.0
"""After how long a device is back that was lost while nobody was in charge."""
DEAD_S = 10.0
GRID = "grid"
"""An order of this name is for abnormal conditions."""
Held = dict[str, Value]
Cell = list[tuple[float, Held]]
"""What it holds from the occasion on: after how long, and what."""


class Row(NamedTuple):
    """A device that is ordered something."""

    keys: str
    control_type: ControlType
    shows: Callable[[Held], dict[str, Any]]
    """What is read of it, by what it holds."""
    order: Any
    """The label of a mode, and its factor; or a lower and an upper limit."""
    other: Any
    """What is ordered next, and refused."""
    held: Held
    """What it holds while it does what is ordered."""
    cells: "Mapping[Occasion, Cell]"
    before: Mapping[str, Value] = MappingProxyType({})
    """What it holds if it was never told anything, as far as it is read."""


class Ordered(KindStage):
    """A device that holds what it is told, and its CEM."""

    def __init__(self, row: Row) -> None:
        super().__init__(row.keys, holds_s=MAX_AGE_S)
        self.row = row
        self.held: Held = dict(row.before)
        self.refuses = False
        self.is_read = True

    def does(self, effects: list[Effect]) -> list[Effect]:
        """It takes what is written."""
        done = [*effects]
        for effect in effects:
            if isinstance(effect, Apply):
                setpoint = effect.setpoint
                if self.refuses and not setpoint.is_safe:
                    done += self.does(self.on(Refused(setpoint, "exception 4", will_retry=False)))
                else:
                    self.held[setpoint.point] = setpoint.value
                    done += self.does(self.on(Applied(setpoint)))
        return done

    def reads(self) -> list[Effect]:
        return self.does(self.measured(**self.row.shows(self.held))) if self.is_read else []

    def lives(self, seconds: float) -> list[Effect]:
        lived: list[Effect] = []
        until_s = self.elapsed_s + seconds
        while self.elapsed_s < until_s:
            lived += [*self.does(self.after(STEP_S)), *self.reads()]
        return lived

    def orders(self, name: str, order: Any) -> list[Effect]:
        """The CEM orders that, to a mode or to stay within limits."""
        if isinstance(order[0], float):
            quantity = L1 if "phases: 3" not in self.keys and "ev_charger" not in self.keys else SYMMETRIC
            return self.does(
                self.hears(self.envelope(name, (LIMIT_S, *order), quantity=quantity, is_abnormal=name == GRID))
            )
        described: list[Any] = [
            each for each in self.said if isinstance(each, frbc.SystemDescription | ombc.SystemDescription)
        ]
        label, factor = order
        common: dict[str, Any] = {
            "message_id": f"m-{name}",
            "id": name,
            "execution_time": self.now.utc,
            "operation_mode_factor": factor,
            "abnormal_condition": name == "other",
        }
        machine = described[-1]
        if isinstance(machine, ombc.SystemDescription):
            return self.does(self.hears(ombc.Instruction(operation_mode_id=_mode_id(machine, label), **common)))
        (machine,) = machine.actuators
        mode_id = _mode_id(machine, label)
        return self.does(self.hears(frbc.Instruction(actuator_id=machine.id, operation_mode=mode_id, **common)))

    def becomes(self) -> list[tuple[float, Held]]:
        """What it holds from now on: after how long, and what."""
        began_s, before = self.elapsed_s, {}
        became: list[tuple[float, Held]] = []
        while self.elapsed_s < began_s + WATCHED_S:
            if self.held != before:
                became.append((self.elapsed_s - began_s, dict(self.held)))
                before = dict(self.held)
            self.lives(STEP_S)
        return became


def _mode_id(machine: Any, label: str) -> str:
    return next(str(each.id) for each in machine.operation_modes if each.diagnostic_label.startswith(label))


def in_force(row: Row, *, is_followed: bool = True) -> Ordered:
    """A device that does what its CEM has ordered."""
    device = Ordered(row)
    device.reads()
    device.does(device.negotiated())
    device.does(device.selects(row.control_type))
    device.lives(SETTLED_S)
    if not is_followed:
        device.orders("order", row.order)
        return device
    assert follows(device)[-1] == ("order", "SUCCEEDED")
    assert device.held == row.held, device.held
    return device


def follows(device: Ordered) -> list[tuple[str, str]]:
    """It is ordered what its row says; what becomes of that."""
    lived = device.orders("order", device.row.order)
    for _ in range(3):
        lived += [*device.does(device.after(1.0)), *device.reads()]
    return statuses([*lived, *device.lives(FOLLOWED_S)])


# What happens.


def loses_cem(device: Ordered) -> None:
    device.on(Disconnected("gone"))


def has_a_cem_that_comes_back_and_orders_nothing(device: Ordered) -> None:
    loses_cem(device)
    device.lives(AWAY_S)
    has_a_cem_that_selects(device, device.row.control_type)


def has_a_cem_that_selects(device: Ordered, control_type: ControlType) -> None:
    device.on(Connected())
    device.hears(Handshake(message_id="hello", role=EnergyManagementRole.CEM))
    device.heard(*device.hears(HandshakeResponse(message_id="version", selected_protocol_version="0.0.2-beta")))
    device.does(device.selects(control_type))


def is_deselected(device: Ordered) -> None:
    device.does(device.selects(ControlType.NO_SELECTION))


def is_revoked(device: Ordered) -> None:
    object_type = {
        PEBC: RevokableObjects.PEBC_INSTRUCTION,
        FRBC: RevokableObjects.FRBC_INSTRUCTION,
        OMBC: RevokableObjects.OMBC_INSTRUCTION,
    }[device.row.control_type]
    device.does(device.hears(RevokeObject(message_id="revoke", object_type=object_type, object_id="order")))


def refuses(device: Ordered) -> None:
    device.refuses = True
    aborted = statuses(device.orders("other", device.row.other))
    assert aborted[-1] == ("other", "ABORTED"), aborted
    device.refuses = False


def is_stopped(device: Ordered) -> None:
    device.does(device.on(Stopping()))


def has_its_daemon_die(device: Ordered) -> None:
    device.restarted(after_s=DEAD_S)
    device.does(device.on(Started()))


def is_lost_and_back(device: Ordered) -> None:
    loses_cem(device)
    device.lives(LOST_S - 60.0)
    device.on(Lost("no answer"))
    device.elapsed_s += 60.0
    device.held = dict(device.row.before)
    device.reads()


def is_not_read(device: Ordered) -> None:
    device.is_read = False


def doubts_its_clock(device: Ordered) -> None:
    loses_cem(device)
    cem_time = device.now.utc + timedelta(hours=1)
    device.does(device.on(Connected(cem_time=cem_time, is_clock_synchronised=False)))


HAPPENS: Mapping[Occasion, Callable[[Ordered], None]] = {
    Occasion.CEM_LOST: loses_cem,
    Occasion.UNINSTRUCTED: has_a_cem_that_comes_back_and_orders_nothing,
    Occasion.DESELECTED: is_deselected,
    Occasion.ENDED: is_revoked,
    Occasion.ABORTED: refuses,
    Occasion.STOPPING: is_stopped,
    Occasion.STARTED: has_its_daemon_die,
    Occasion.RETURNED: is_lost_and_back,
    Occasion.STALE: is_not_read,
    Occasion.CLOCK: doubts_its_clock,
}


def by_limit(wants_w: float, point: str, sign: float = 1.0, **beside: Any) -> Callable[[Held], dict[str, Any]]:
    """A device that takes what it wants, or as much of it as *point* lets it."""

    def shows(held: Held) -> dict[str, Any]:
        limit_w = held.get(point, RELEASE)
        taken_w = wants_w if isinstance(limit_w, str) else min(wants_w, float(limit_w))
        return {"power": sign * taken_w, **beside}

    return shows


def charger(held: Held) -> dict[str, Any]:
    current_a = float(held.get("current_limit", 16.0))
    return {"status": "C" if current_a >= 6 else "B", "power": 3 * 230.0 * current_a if current_a >= 6 else 0.0}


def planned(held: Held) -> dict[str, Any]:
    shown = charger(held)
    return {**shown, "vehicle_soc": 40.0, **{f"power_l{n}": shown["power"] / 3 for n in (1, 2, 3)}}


def tank(held: Held) -> dict[str, Any]:
    setpoint_c = held.get("temperature_setpoint", 58.0)
    return {"temperature": 52.0, "power": 0.0, "status": "rest", "heat_now": False, "temperature_setpoint": setpoint_c}


def offered(held: Held) -> dict[str, Any]:
    return {"temperature": 52.0, "outdoor": 2.0, **by_limit(0.0, "x")({}), "power": _number(held.get("power_offer"))}


def _number(value: Value | None) -> float:
    return 0.0 if value is None or isinstance(value, str) else float(value)


def contacts(held: Held) -> dict[str, Any]:
    closed = {point: held.get(point, False) for point in ("relay_1", "relay_2")}
    return {**closed, "power": 2100.0 if closed["relay_2"] else 650.0, "outdoor": 10.0}


def plug(held: Held) -> dict[str, Any]:
    is_on = held.get("on", False) is True
    return {"on": is_on, "power": 2000.0 if is_on else 0.0}


def boiler(held: Held) -> dict[str, Any]:
    return plug({"on": True} | held)


def battery(held: Held) -> dict[str, Any]:
    return {"soc": 60.0, "power": _number(held.get("power_setpoint"))}


def either_battery(held: Held) -> dict[str, Any]:
    is_free = isinstance(held.get("power_setpoint", RELEASE), str)
    return by_limit(3000.0, "charge_limit", soc=60.0)(held) if is_free else battery(held)


def switched_battery(held: Held) -> dict[str, Any]:
    return {"soc": 60.0, "power": {"charge": 5000.0, "discharge": -5000.0}.get(str(held.get("mode")), 0.0)}


def ordered_modes(
    rest: Held, lost_s: float = 60.0, *, started_s: float = 0.0, stale_s: float = MAX_AGE_S, clock_s: float = 0.0
) -> dict[Occasion, Cell]:
    """The cells of what is ordered to a mode, and becomes *rest*."""
    at_once: Cell = [(0.0, rest)]
    return dict.fromkeys(Occasion, at_once) | {
        Occasion.CEM_LOST: [(lost_s, rest)],
        Occasion.UNINSTRUCTED: [(lost_s, rest)],
        Occasion.STARTED: [(started_s, rest)],
        Occasion.STALE: [(stale_s, rest)],
        Occasion.CLOCK: [(clock_s, rest)],
    }


def limited(held: Held, failed: Held, rest: Held, lost_s: float = 60.0) -> dict[Occasion, Cell]:
    """The cells of what is limited, and becomes *rest* when the limit ends."""
    at_its_end: Cell = [(LIMIT_S - FOLLOWED_S, rest)]
    at_once: Cell = [(0.0, rest)]
    return {
        Occasion.CEM_LOST: at_its_end,
        Occasion.UNINSTRUCTED: [(lost_s + UNLIMITED_S, rest)],
        Occasion.DESELECTED: at_once,
        Occasion.ENDED: at_once,
        Occasion.ABORTED: [(0.0, failed)],
        Occasion.STOPPING: at_once,
        Occasion.STARTED: [(LIMIT_S - FOLLOWED_S - DEAD_S, rest)],
        Occasion.RETURNED: [(0.0, held), (LIMIT_S - FOLLOWED_S - LOST_S, rest)],
        Occasion.STALE: at_its_end,
        Occasion.CLOCK: at_its_end,
    }


def amperes(current_a: float) -> Held:
    return {"current_limit": current_a}


def watts(limit_w: Value) -> Held:
    return {"power_limit": limit_w}


def within(charge_w: float, discharge_w: float) -> Held:
    return {"charge_limit": charge_w, "discharge_limit": discharge_w}


FREED: Held = {"power_setpoint": RELEASE}
OPEN: Held = {"relay_1": False, "relay_2": False}
ON, OFF = {"on": True}, {"on": False}
OWN_S = 80.0
"""How much after all others of its street this one starts, by its id."""
ROWS: dict[str, Row] = {
    "battery FRBC": Row(
        FORCED,
        FRBC,
        battery,
        ("charge", 0.5),
        ("discharge", 0.5),
        {"power_setpoint": 2500.0},
        ordered_modes({"power_setpoint": 0.0}),
    ),
    "battery OMBC": Row(
        SWITCHED,
        OMBC,
        switched_battery,
        ("charge", 0.0),
        ("discharge", 0.0),
        {"mode": "charge"},
        ordered_modes({"mode": "idle"}),
    ),
    "battery PEBC": Row(
        LIMITED,
        PEBC,
        by_limit(3000.0, "charge_limit", soc=60.0),
        (-1000.0, 2000.0),
        (-500.0, 1500.0),
        within(2000.0, 1000.0),
        limited(within(2000.0, 1000.0), within(1500.0, 500.0), within(0.0, 0.0)),
    ),
    "battery PEBC beside a power": Row(
        BESIDE,
        PEBC,
        either_battery,
        (-1000.0, 2000.0),
        (-500.0, 1500.0),
        FREED | within(2000.0, 1000.0),
        limited(FREED | within(2000.0, 1000.0), FREED | within(1500.0, 500.0), FREED | within(5000.0, 5000.0)),
    ),
    "ev_charger PEBC": Row(
        CHARGER + "safe_current: 8 A\n",
        PEBC,
        charger,
        (0.0, 5000.0),
        (0.0, 4200.0),
        amperes(7.0),
        limited(amperes(7.0), amperes(6.0), amperes(8.0))
        | {
            Occasion.UNINSTRUCTED: [(60.0 + UNLIMITED_S, amperes(16.0))],
            Occasion.DESELECTED: [(LIMIT_S - FOLLOWED_S, amperes(8.0))],
            Occasion.ENDED: [(0.0, amperes(16.0))],
            Occasion.STOPPING: [(0.0, amperes(7.0)), (LIMIT_S - FOLLOWED_S, amperes(8.0))],
            Occasion.STALE: [(0.0, amperes(7.0))],
            Occasion.CLOCK: [(1800.0, amperes(8.0))],
        },
    ),
    "ev_charger FRBC": Row(
        PLANNED + "safe_current: 8 A\n",
        FRBC,
        planned,
        ("charge", 1.0),
        ("charge", 0.5),
        amperes(16.0),
        ordered_modes(amperes(8.0), started_s=300.0, stale_s=MAX_AGE_S + 120.0, clock_s=1800.0)
        | {Occasion.UNINSTRUCTED: [(60.0, amperes(0.0))], Occasion.ENDED: [(0.0, amperes(0.0))]},
    ),
    "heat_pump FRBC by setpoint": Row(
        SET,
        FRBC,
        tank,
        ("rest", 0.0),
        ("heat", 1.0),
        {"temperature_setpoint": 50.0},
        ordered_modes({"temperature_setpoint": 58.0}, 600.0, started_s=600.0),
    ),
    "heat_pump FRBC by offer": Row(
        OFFERED,
        FRBC,
        offered,
        ("heat", 1.0),
        ("heat", 0.5),
        {"power_offer": 2000.0},
        ordered_modes({"power_offer": 0.0}, 600.0, started_s=600.0),
    ),
    "heat_pump OMBC": Row(
        RELAYS,
        OMBC,
        contacts,
        ("boost", 0.0),
        ("block", 0.0),
        {"relay_1": False, "relay_2": True},
        ordered_modes(OPEN, 600.0, started_s=600.0, stale_s=MAX_AGE_S + UNKNOWN_S),
        OPEN,
    ),
    "heat_pump PEBC": Row(
        CAPPED,
        PEBC,
        by_limit(3000.0, "power_limit", outdoor=10.0),
        (0.0, 2000.0),
        (0.0, 1500.0),
        watts(2000.0),
        limited(watts(2000.0), watts(1500.0), watts(6000.0), 600.0)
        | {Occasion.DESELECTED: [(LIMIT_S - FOLLOWED_S, watts(6000.0))]},
    ),
    "pv PEBC": Row(
        INVERTER,
        PEBC,
        by_limit(3450.0, "power_limit", -1.0, state="producing"),
        (-2000.0, 0.0),
        (-1000.0, 0.0),
        watts(2000.0),
        limited(watts(2000.0), watts(1000.0), watts(RELEASE)),
    ),
    "load OMBC": Row(
        PLUG,
        OMBC,
        plug,
        ("on", 0.0),
        ("off", 0.0),
        ON,
        ordered_modes(OFF, 300.0, started_s=300.0, stale_s=MAX_AGE_S + 300.0, clock_s=1800.0),
    ),
    "load OMBC with a thermostat": Row(
        BOILER + "timers: {on: 1 s, off: 1 s}\n",
        OMBC,
        boiler,
        ("off", 0.0),
        ("on", 0.0),
        OFF,
        ordered_modes(
            ON, 300.0 + OWN_S, started_s=300.0 + OWN_S, stale_s=MAX_AGE_S + 300.0 + OWN_S, clock_s=1800.0 + OWN_S
        )
        | {Occasion.DESELECTED: [(OWN_S, ON)], Occasion.ENDED: [(OWN_S, ON)], Occasion.ABORTED: [(0.0, OFF)]},
    ),
    "load PEBC": Row(
        HEATER,
        PEBC,
        by_limit(2900.0, "power_limit"),
        (0.0, 1240.0),
        (0.0, 1000.0),
        watts(1240.0),
        limited(watts(1240.0), watts(1000.0), watts(0.0), 300.0) | {Occasion.CLOCK: [(1800.0, watts(0.0))]},
    ),
    "load PEBC with a thermostat": Row(
        HEATER + "thermostat: true\n",
        PEBC,
        by_limit(2900.0, "power_limit"),
        (0.0, 1240.0),
        (0.0, 1000.0),
        watts(1240.0),
        limited(watts(1240.0), watts(1000.0), watts(3000.0), 300.0) | {Occasion.CLOCK: [(1800.0, watts(3000.0))]},
    ),
}


@pytest.mark.parametrize("occasion", Occasion)
@pytest.mark.parametrize("name", ROWS)
def test_each_cell(name: str, occasion: Occasion) -> None:
    row = ROWS[name]
    device = in_force(row, is_followed=occasion is not Occasion.ENDED or row.control_type is PEBC)
    HAPPENS[occasion](device)
    cell = row.cells[occasion]
    is_left_as_it_is = cell[0][0] > 0
    assert device.becomes() == [*([(0.0, row.held)] if is_left_as_it_is else []), *cell]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.control_type is PEBC])
def test_a_limit_of_the_grid_outlasts_its_cem_by_two_hours(name: str) -> None:
    row = ROWS[name]
    device = in_force(row)
    device.orders(GRID, row.order)
    device.lives(FOLLOWED_S)
    loses_cem(device)
    device.lives(2 * 3600.0)
    assert device.held == row.held
    device.lives(600.0)
    assert device.held == row.cells[Occasion.CEM_LOST][0][1]


def test_limits_that_are_kept_end_before_another_cem_has_a_battery_charged() -> None:
    device = in_force(ROWS["battery PEBC beside a power"])
    loses_cem(device)
    device.lives(120.0)
    has_a_cem_that_selects(device, FRBC)
    assert device.held == FREED | within(2000.0, 1000.0)
    device.orders("charge", ("charge", 0.5))
    assert device.held == {"power_setpoint": 2500.0} | within(5000.0, 5000.0)
    assert device.becomes() == [(0.0, device.held)]


@pytest.fixture(scope="module")
def memories() -> dict[str, bytes]:
    """What each device has kept while it does what is ordered."""
    return {name: device.kept for name, row in ROWS.items() if (device := in_force(row)).kept}


MEASURED_PV = INVERTER[: INVERTER.index("  limit:")]


@pytest.mark.parametrize("name", [*ROWS, "pv that is measured"])
def test_what_another_device_has_kept_breaks_nothing(name: str, memories: dict[str, bytes]) -> None:
    row = ROWS.get(name, ROWS["pv PEBC"]._replace(keys=MEASURED_PV))
    for memory in (memory for other, memory in memories.items() if other != name):
        device = Ordered(row)
        device.kept = memory
        device.restarted(after_s=DEAD_S)
        started = [*device.does(device.on(Started())), *device.lives(700.0)]
        for setpoint in (each.setpoint for each in started if isinstance(each, Apply)):
            ability = device.setup.abilities[setpoint.point]
            assert ability.can_write, setpoint
            assert ability.can_release or setpoint.value != RELEASE, setpoint
        if name in ROWS:
            device.does(device.negotiated())
            device.does(device.selects(row.control_type))
            device.lives(SETTLED_S)
            assert follows(device)[-1] == ("order", "SUCCEEDED")
