"""A stage for an EV charger, a car that is played beside it, and a CEM: what is written is done, and read again."""

from datetime import timedelta
from typing import Any

from s2d.events import Applied
from s2d.s2.effects import Apply, Effect
from s2d.s2.messages.common import CommodityQuantity

from .stage import KindStage

SYMMETRIC = CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC
L1 = CommodityQuantity.ELECTRIC_POWER_L1
MAX_AGE_S = 30.0
MINUTE, HOUR = 60.0, 3600.0

POINTS = """\
kind: ev_charger
max_current: 16 A
points:
  status: {register: 1, values: {0: A, 1: B, 2: C, 4: E, 5: F}}
  power: {register: 2, unit: W}
  current_limit: {register: 3, unit: A, access: write}
"""
SWITCHED = "  phase_count: {register: 4, access: read_write}\nphase_switching: true\n"


class EvStage(KindStage):
    """A charger on three phases, its relay on *relay* of them, and a car that takes all it may."""

    def __init__(self, keys: str = POINTS, *, relay: int = 3, **options: Any) -> None:
        super().__init__(keys, holds_s=MAX_AGE_S, **options)
        self.relay = relay
        self.limit_a: float | None = None
        """What it is told; None: it gives all that it can."""
        self.is_plugged = True
        self.wants = True
        """Whether the car takes what it may."""
        self.is_relay_stuck = False
        self.car_phases, self.car_a = 3, 32.0
        self.voltage_v = 230.0
        self.extra: dict[str, Any] = {}
        """What is read beside status and power."""
        self.written: list[tuple[float, str, Any]] = []
        """When, to which point, what."""

    @property
    def taken_w(self) -> float:
        """What the car takes."""
        offered_a = 16.0 if self.limit_a is None else self.limit_a
        if not self.is_plugged or not self.wants or offered_a < 6:
            return 0.0
        return min(self.relay, self.car_phases) * self.voltage_v * min(offered_a, self.car_a)

    @property
    def status(self) -> str:
        return "A" if not self.is_plugged else "C" if self.taken_w else "B"

    def reads(self) -> list[Effect]:
        """All is read now."""
        readings: dict[str, Any] = {"status": self.status}
        if "power: {" in self.keys:
            readings["power"] = self.taken_w
        if "phase_count" in self.keys:
            readings["phase_count"] = self.relay
        return self.does(self.measured(**readings | self.extra))

    def does(self, effects: list[Effect]) -> list[Effect]:
        """The charger does what is written among *effects*."""
        done = [*effects]
        for effect in effects:
            if isinstance(effect, Apply):
                point, value = effect.setpoint.point, effect.setpoint.value
                self.written.append((self.elapsed_s, point, value))
                if point == "current_limit":
                    self.limit_a = float(value)
                elif point == "phase_count":
                    assert not self.taken_w, "contacts were switched under load"
                    self.relay = self.relay if self.is_relay_stuck else int(value)
                done += self.does(self.on(Applied(effect.setpoint)))
        return done

    def lives(self, seconds: float, every_s: float = 2.0) -> list[Effect]:
        """So much time passes; all is read every so often, and the CEM answers."""
        effects: list[Effect] = []
        for _ in range(round(seconds / every_s)):
            heard = self.does(self.after(every_s))
            heard += self.reads()
            self.heard(*heard)
            effects += heard
        return effects

    def session(self, control_type: Any) -> list[Effect]:
        """The charger is read, and a CEM comes and selects."""
        self.reads()
        self.negotiated()
        return self.does(self.selects(control_type))

    def ordered(self, name: str, *elements: tuple[float, float, float], **options: Any) -> list[Effect]:
        """The CEM sets limits; what follows within the minute."""
        effects = self.does(self.hears(self.envelope(name, *elements, quantity=SYMMETRIC, **options)))
        return [*effects, *self.lives(10)]

    def limits(self) -> list[float]:
        """The currents that were written, in their order, each but once in a row."""
        told = [value for _, point, value in self.written if point == "current_limit"]
        return [value for number, value in enumerate(told) if not number or value != told[number - 1]]

    def at(self, hours: float) -> timedelta:
        return timedelta(hours=hours)
