"""Whatever a device, a CEM, a clock and a disk do to a resource: nothing breaks, and nothing unsafe is told.

Readings come and go, and are absurd as far as a device of that configuration can say it; orders are absurd; the clock
steps by years; the process dies in every state, and what was kept is damaged.
"""

from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate
from math import inf, isfinite, nan
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest

from s2d.events import Applied, Identified, Lost, Measured, Refused, Shadowed, Undone, UndoneBy
from s2d.rm.kinds import kind
from s2d.s2.effects import Apply, Connected, Effect, Event, Note, Send, Started, Stopping
from s2d.s2.messages import frbc, ombc, pebc, wire
from s2d.s2.messages.common import (
    CommodityQuantity,
    ControlType,
    HandshakeResponse,
    RevokableObjects,
    RevokeObject,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
)
from s2d.values import RELEASE, Quality, Reading, Setpoint, Value

from .ev_stage import POINTS as CHARGER
from .ev_stage import SWITCHED
from .stage import KindStage
from .test_heat_pump_random_days import PUMPS
from .test_meter import CONNECTION as METER
from .test_random_days import PLUG, ROOF
from .test_shadowed import BATTERY

STEPS = 400
TICKS_AT_MOST = 3000
ROUNDED_S = 0.001
CENTURY_MS = 100 * 365 * 86_400_000
OFF_S = 60.0
"""Least pause of a charger, by default."""

CAR = (
    CHARGER.replace("phase_count", "x")
    + "  phase_count: {register: 4, access: read_write}\n"
    + "  vehicle_soc: {register: 5, unit: '%'}\n  vehicle_soc_limit: {register: 6, unit: '%'}\n"
    + "  target_soc: {register: 7, unit: '%'}\n  current_max: {register: 8, unit: A}\n"
    + "  current_offered: {register: 9, unit: A}\n  session_energy: {register: 10, unit: Wh}\n"
    + "  requested_energy: {register: 11, unit: Wh}\n  authorised: {register: 12}\n  fault: {register: 13}\n"
    + "  car_id: {register: 14}\n  wake: {register: 15, access: write}\n  enable: {register: 16, access: write}\n"
    + "  energy: {register: 18, unit: Wh}\n"
    + "phase_switching: true\ncars: [{name: Ours, id: A1, battery_capacity: 60 kWh}]\n"
    + "departure: {weekdays: '07:00', weekend: '09:00'}\ntarget_soc: 80 %\nmin_soc: 10 %\n"
)
CURRENTS = CHARGER.replace(
    "  power: {register: 2, unit: W}\n",
    "".join(
        f"  current_l{n}: {{register: 2{n}, unit: A}}\n  voltage_l{n}: {{register: 3{n}, unit: V}}\n" for n in "123"
    ),
)
WOKEN = "  wake: {register: 15, access: write}\n"
BY_POWER = CHARGER.replace("current_limit: {register: 3, unit: A", "power_limit: {register: 3, unit: W")
TOLD_MODE = """
kind: heat_pump
storage: dhw
volume: 200 l
comfort: 50 °C .. 58 °C
cop: {-10 °C: 2, 10 °C: 4}
power_normal: 600 W
points:
  temperature: {register: 1, type: int16, unit: "°C"}
  power: {register: 2, unit: W}
  outdoor: {register: 3, type: int16, unit: "°C"}
  status: {register: 4, type: "string[12]"}
  heat_now: {register: 5}
  sg_state: {register: 6}
  fault: {register: 7}
  mode: {register: 8, values: {1: 'off', 2: normal, 3: boost}, access: read_write}
  "on": {register: 9, access: write}
"""
MODULATED = """
kind: load
power: 1 kW .. 3 kW
points:
  power: {register: 1, unit: W}
  fault: {register: 3}
  power_limit: {register: 2, unit: W, access: write}
"""
KINDS = {
    "battery": BATTERY,
    "charger": CHARGER,
    "charger that wakes": CHARGER + WOKEN,
    "charger with phases": CHARGER + WOKEN + SWITCHED,
    "charger by power": BY_POWER,
    "charger by currents": CURRENTS,
    "charger with a car": CAR,
    **{f"pump by {name}": keys for name, (keys, _) in PUMPS.items()},
    "pump by mode": TOLD_MODE,
    "roof": ROOF + "max_power: 4 kW\n" if "max_power" not in ROOF else ROOF,
    "plug": PLUG,
    "load": MODULATED,
    "meter": METER,
}
WORDS: Sequence[Value] = (
    *"ABCDEF",
    *("G", "", "ok", "Ladung läuft", "off", "normal", "boost", "forced", "hot_water", "legionella", "defrost", "cool"),
    *(True, False, 0, 1, 2, 3, 4, 7, -1, 1.0, 65535, nan, inf),
)
"""What a point without a unit may say: profiles put texts to numbers, or forget to."""
NUMBERS = (0.0, 0.0, 1.0, 5.9, 6.0, 16.0, 52.0, 57.0, 100.0, 230.0, 700.0, 1800.0, 3900.0, 11040.0, -3000.0, -5.0, 1e9)
"""What a point with a unit may say."""
USUAL: dict[str, Sequence[Value]] = {
    "status": ("A", "B", "B", "C", "C", "C"),
    "authorised": (True,),
    "car_id": ("A1",),
    "fault": (0, "ok"),
    "phase_count": (1, 3),
    "temperature": (45.0, 52.0, 54.0, 59.0),
    "outdoor": (-3.0, 8.0, 12.0),
    "flow_setpoint": (53.0, 55.0),
    "power": (0.0, 600.0, 2000.0),
    "soc": (50.0, 60.0),
    "vehicle_soc": (5.0, 40.0, 60.0),
    "vehicle_soc_limit": (100.0,),
    "target_soc": (80.0,),
    "on": (True, False),
    "compressor": (True, False),
    "heat_now": (False,),
    "sg_state": (2, 3),
}
"""What most points say most of the time."""
WAITS_S = (*(0.0, 0.001, 1.0, 5.0, 10.0, 20.0) * 3, 60.0, 60.0, 130.0, 310.0, 900.0, 3600.0, 7300.0)
LIMIT_POINTS = ("current_limit", "power_limit")


class _Limit(NamedTuple):
    """A limit that was written: nothing above it may be told before its end, whatever fails."""

    most_w: float
    """Of what may be taken, or produced."""
    until_s: float


def _limit_of(order: pebc.Instruction, begun_s: float) -> _Limit:
    """The limit of *order*, which has begun so long ago, and in how many seconds all of it has lapsed."""
    ends_s = list(accumulate(min(each.duration, CENTURY_MS) / 1000 for each in _elements(order)))
    spans = zip(_elements(order), [0.0, *ends_s[:-1]], ends_s, strict=True)
    present = [each for each, start_s, end_s in spans if start_s - ROUNDED_S <= begun_s < end_s + ROUNDED_S]
    most_w = max([max(each.upper_limit, -each.lower_limit) for each in present], default=inf)
    return _Limit(most_w, ends_s[-1] - begun_s - ROUNDED_S)


def _elements(order: pebc.Instruction) -> Sequence[pebc.PowerEnvelopeElement]:
    return order.power_envelopes[0].power_envelope_elements


class Hostile(KindStage):
    """A resource to which everything happens; all that it says and writes is looked at."""

    def __init__(self, keys: str, chance: Random) -> None:
        self.chance = chance
        self.wanted: dict[str, Setpoint] = {}
        """Setpoints of which nobody has heard what became of them."""
        self.limit: _Limit | None = None
        self.began_s: dict[str, float] = {}
        """When orders began."""
        self.carried_out = 0
        """Setpoints of orders."""
        self.orders: dict[str, Any] = {}
        self.off_at_s = -inf
        self.off_why = ""
        self.is_off: bool | None = None
        self.has_memory = True
        """Whether what was kept was never damaged."""
        super().__init__(keys, holds_s=chance.choice([130.0, 600.0, inf]))
        self.abilities = self.setup.abilities
        self.plausible = kind(self.setup.kind).plausible(self.setup.settings, None)

    # What must hold, whatever happens

    def on(self, event: Event) -> list[Effect]:
        effects = super().on(event)
        for effect in effects:
            match effect:
                case Note(_, name, facts):
                    assert name != "message.withheld", facts
                case Send(message):
                    assert wire.decode(wire.encode(message).decode()) == message
                case Apply(setpoint):
                    self.looks_at(setpoint)
                    self.wanted[setpoint.point] = setpoint
        wait_s = self.resource_manager.wake_after(self.now)
        assert wait_s is None or wait_s >= 0
        return effects

    def looks_at(self, setpoint: Setpoint) -> None:
        point, value = setpoint.point, setpoint.value
        self.carried_out += setpoint.reason.startswith("instruction ")
        ability = self.abilities[point]
        assert ability.can_write, point
        if value == RELEASE:
            assert ability.can_release, point
        elif not isinstance(value, str | bool):
            assert isfinite(value), setpoint
            low, high = self.reach.get(point, (-inf, inf))
            assert low <= value <= high, setpoint
        if point in LIMIT_POINTS:
            self.looks_at_limit(setpoint)
        if "wake" in self.abilities and "phase_count" not in self.abilities and point in LIMIT_POINTS:
            self.looks_at_pause(setpoint)

    def looks_at_limit(self, setpoint: Setpoint) -> None:
        order = self.orders.get(setpoint.reason.removeprefix("instruction "))
        if isinstance(order, pebc.Instruction):
            late_s = max(0.0, (self.now.utc - order.execution_time).total_seconds())
            began_s = self.began_s.setdefault(order.id, self.elapsed_s - late_s)
            most_w, left_s = _limit_of(order, self.elapsed_s - began_s)
            self.limit = _Limit(most_w, self.elapsed_s + left_s)
        elif setpoint.reason.startswith("lapsed: ") or "freeze" in setpoint.reason:
            self.limit = None
        if self.limit is None or self.elapsed_s >= self.limit.until_s or self.limit.most_w >= self.free_w:
            return
        told_w = inf if setpoint.value == RELEASE else float(setpoint.value)
        if setpoint.point == "current_limit":
            volts, phases = 180.0 if "voltage" in self.keys else 230.0, 1 if "phase_count" in self.keys else 3
            told_w *= volts * phases
        assert told_w <= self.limit.most_w + 1e-6 or told_w == 0, (setpoint, self.limit)

    def looks_at_pause(self, setpoint: Setpoint) -> None:
        is_off = not setpoint.value
        if is_off and self.is_off is False:
            self.off_at_s, self.off_why = self.elapsed_s, setpoint.reason
        if not is_off and self.is_off and self.has_memory:
            assert self.elapsed_s - self.off_at_s >= OFF_S - 0.01, (setpoint, self.off_why)
        self.is_off = is_off

    @property
    def free_w(self) -> float:
        """What limits nothing."""
        return 4000.0 if "kind: pv" in self.keys else 3000.0 if "kind: load" in self.keys else 11040.0

    @property
    def reach(self) -> dict[str, tuple[float, float]]:
        return {
            "current_limit": (0.0, 16.0),
            "power_limit": (0.0, self.free_w),
            "temperature_setpoint": (50.0, 60.0),
            "power_offer": (0.0, 2000.0),
            "charge_limit": (0.0, 5000.0),
            "discharge_limit": (0.0, 5000.0),
        }

    # What happens

    def after(self, seconds: float) -> list[Effect]:
        until_s, ticks = self.elapsed_s + seconds, 0
        effects: list[Effect] = []
        while (wait := self.resource_manager.wake_after(self.now)) is not None and self.elapsed_s + wait <= until_s:
            ticks += 1
            assert ticks < TICKS_AT_MOST, "it is woken over and over"
            effects += super().after(wait)
        self.elapsed_s = until_s
        return effects

    def reads(self) -> None:
        """Some of its points are read, and say anything."""
        readings = []
        for point, ability in self.abilities.items():
            if not ability.can_read or self.chance.random() < 0.05:
                continue
            value = self.says(point)
            if point in self.plausible and not isinstance(value, str):
                value = max(self.plausible[point].low, min(self.plausible[point].high, value))
            quality = self.chance.choices(list(Quality), [60, 1, 1, 2])[0]
            at_s = self.now.mono - self.chance.choice([*[0.0] * 30, 5.0, 20.0, 700.0])
            until_s = at_s + self.holds_s
            is_told = quality in (Quality.GOOD, Quality.DOUBTFUL)
            readings.append(Reading(point, value if is_told else None, quality, at=at_s, good_until=until_s))
        self.on(Measured(tuple(readings), is_lent=self.chance.random() < 0.05))

    def says(self, point: str) -> Value:
        if point in USUAL and self.chance.random() < 0.8:
            return self.chance.choice(USUAL[point])
        if f"{point}: {{" in self.keys and "unit" not in self.keys.split(f"{point}: {{")[1].split("}")[0]:
            return self.chance.choice(WORDS)
        if f'{point}": {{' in self.keys:
            return self.chance.choice(WORDS)
        return self.chance.choice(NUMBERS) if self.chance.random() < 0.5 else self.chance.uniform(0.0, 3000.0)

    def answers(self) -> None:
        """What becomes of something that was wanted."""
        if not self.wanted:
            return
        setpoint = self.wanted[self.chance.choice(sorted(self.wanted))]
        event = self.chance.choice(
            [
                Applied(setpoint),
                Applied(setpoint),
                Applied(setpoint),
                Applied(setpoint, 0.0),
                Refused(setpoint, "no"),
                Refused(setpoint, "no", will_retry=True),
                Shadowed(setpoint),
                *(Undone(setpoint, "gone", by) for by in UndoneBy),
            ]
        )
        self.on(event)

    def comes(self) -> None:
        self.leaves()
        self.on(Connected())
        self.hears(HandshakeResponse(message_id=self.new_id(), selected_protocol_version="0.0.2-beta"))
        self.selects_any()

    def selects_any(self) -> None:
        if self.chance.random() < 0.9 and self.offered()[0] is not ControlType.NOT_CONTROLABLE:
            selected = self.chance.choice(self.offered())
        else:
            selected = self.chance.choice(list(ControlType))
        self.limit = None
        self.hears(SelectControlType(message_id=self.new_id(), control_type=selected))

    def leaves(self) -> None:
        if self.resource_manager.session:
            self.left()

    def told(self, kind: type) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)][-3:]

    def order(self) -> None:
        """Orders something absurd, in whatever is active."""
        session = self.resource_manager.session
        active = session.control_type if session else None
        common: dict[str, Any] = {
            "message_id": self.new_id(),
            "id": self.new_id(),
            "abnormal_condition": self.chance.random() < 0.2,
            "execution_time": self.now.utc
            + self.chance.choice([timedelta(0)] * 6 + [timedelta(seconds=s) for s in (-1, 0.001, 60, 3600, 3e8)]),
        }
        match active:
            case ControlType.POWER_ENVELOPE_BASED_CONTROL if offered := self.told(pebc.PowerConstraints):
                constraints = self.chance.choice([*offered[-1:] * 8, *offered])
                order: Any = pebc.Instruction(
                    power_constraints_id=constraints.id, power_envelopes=(self.envelope_in(constraints),), **common
                )
            case ControlType.FILL_RATE_BASED_CONTROL if offered := self.told(frbc.SystemDescription):
                actuator = self.chance.choice([*offered[-1:] * 8, *offered]).actuators[0]
                mode = self.chance.choice(actuator.operation_modes)
                order = frbc.Instruction(
                    actuator_id=actuator.id, operation_mode=mode.id, operation_mode_factor=self.factor(), **common
                )
            case ControlType.OPERATION_MODE_BASED_CONTROL if offered := self.told(ombc.SystemDescription):
                mode = self.chance.choice(self.chance.choice([*offered[-1:] * 8, *offered]).operation_modes)
                order = ombc.Instruction(operation_mode_id=mode.id, operation_mode_factor=self.factor(), **common)
            case _:
                return
        self.orders[order.id] = order
        self.hears(order)

    def factor(self) -> float:
        return self.chance.choice([0.0, 1.0, 0.5, 1e-300, self.chance.random()])

    def envelope_in(self, constraints: pebc.PowerConstraints) -> pebc.PowerEnvelope:
        ranges = constraints.allowed_limit_ranges
        upper = [each for each in ranges if each.limit_type is pebc.PowerEnvelopeLimitType.UPPER_LIMIT]
        lower = [each for each in ranges if each.limit_type is pebc.PowerEnvelopeLimitType.LOWER_LIMIT]
        count = self.chance.choice([1, 1, 1, 2, 2, 288])
        duration = self.chance.choice([0, 1, 1000, 60_000, 600_000, 3_600_000, 86_400_000, CENTURY_MS, 2**62])
        quantity: CommodityQuantity = ranges[0].commodity_quantity

        def within(each: Any) -> float:
            low, high = each.range_boundary.start_of_range, each.range_boundary.end_of_range
            return self.chance.choice([low, high, self.chance.uniform(low, high), high + 1e6])

        return pebc.PowerEnvelope(
            id=self.new_id(),
            commodity_quantity=quantity,
            power_envelope_elements=tuple(
                pebc.PowerEnvelopeElement(
                    duration=duration,
                    upper_limit=within(self.chance.choice(upper)),
                    lower_limit=min(0.0, within(self.chance.choice(lower)) if lower else 0.0),
                )
                for _ in range(count)
            ),
        )

    def revokes(self) -> None:
        names = [*self.orders, "nobody's"][-5:]
        object_type = self.chance.choice(list(RevokableObjects))
        self.limit = None
        self.hears(RevokeObject(message_id=self.new_id(), object_type=object_type, object_id=self.chance.choice(names)))

    def dies(self) -> None:
        """The process ends, orderly or not, and comes up again."""
        if self.chance.random() < 0.3:
            self.limit = None
            self.on(Stopping())
        self.wanted = {}
        if self.kept and self.chance.random() < 0.4:
            self.damage()
        self.restarted(after_s=self.chance.choice([0.0, 1.0, 100.0, 86_400.0]))
        self.on(Started())

    def damage(self) -> None:
        """What was kept is of another version, or of a clock that was wrong."""
        self.has_memory, self.limit = False, None
        assert self.kept is not None
        memory = msgspec.json.decode(self.kept)
        for name in memory["values"]:
            if self.chance.random() < 0.5:
                memory["values"][name] = self.chance.choice(["", "a word", True, -1, 1e300, 0, "1e999", "nan"])
        for name in memory["instants"]:
            if self.chance.random() < 0.5:
                memory["instants"][name] = self.chance.choice(
                    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z"]
                )
        for timer in memory["timers"]:
            timer["started_at"] = self.chance.choice(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
        self.kept = msgspec.json.encode(memory)

    def happens(self) -> None:
        chance = self.chance.random()
        session = self.resource_manager.session
        if session is None or session.is_closing:
            if chance < 0.4:
                self.comes()
        elif session.control_type is ControlType.NO_SELECTION:
            if chance < 0.6:
                self.selects_any()
        elif chance < 0.4:
            self.order()
        if chance < 0.7:
            self.reads()
        elif chance < 0.9:
            self.answers()
        elif chance < 0.92:
            self.on(Lost("no answer"))
        elif chance < 0.93:
            self.leaves()
        elif chance < 0.94:
            if session and not session.is_closing:
                self.revokes()
        elif chance < 0.95:
            self.utc_step += timedelta(days=self.chance.choice([-1, 1]) * self.chance.choice([0.04, 1, 365, 7300]))
        elif chance < 0.97:
            self.dies()
        elif chance < 0.98:
            self.on(Identified(manufacturer="", model="x" * 300))
        elif session and not session.is_closing:
            if chance < 0.99:
                self.selects_any()
            else:
                self.limit = None
                request = self.chance.choice(list(SessionRequestType))
                self.hears(SessionRequest(message_id=self.new_id(), request=request))
        self.after(self.chance.choice(WAITS_S))


@pytest.mark.parametrize("name", KINDS)
def test_nothing_breaks_and_nothing_unsafe_is_told(name: str) -> None:
    carried_out = 0
    for seed in range(3):
        hostile = Hostile(KINDS[name], Random(f"{name} {seed}"))
        hostile.on(Started())
        for _ in range(STEPS):
            hostile.happens()
        carried_out += hostile.carried_out
    assert name == "meter" or carried_out >= 9
