"""What there is to try: a resource for each control type, what may happen to it, and what it can be ordered to do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar

from s2d.s2.messages import ddbc, frbc, ombc
from s2d.s2.messages.common import ControlType, Message, NumberRange
from s2d.values import Setpoint, Value

from ..core.resources_modes import HeatPump, Hybrid, Tank
from ..core.resources_played import PlayedStage
from ..core.resources_roof import LOWER, UPPER, RoofStage, allowed, constraints
from ..core.resources_washer import WasherStage, dishes
from ..core.stage import NOON, Stage

AFTER_S = (0.0, 0.0, -600.0, 0.5, 30.0, 4000.0)
"""When orders are for: mostly for now."""


class Part(ABC):
    """A resource on its stage; *choice* is any number, and says which of what is possible."""

    control_type: ClassVar[ControlType]
    instructions: ClassVar[tuple[str, ...]]
    """The message types of its instructions."""
    rest: ClassVar[Mapping[str, Value]]
    """What its device reads while it does nothing."""
    scopes: ClassVar[int]
    """How many instructions can have started at once."""
    stage: Stage

    @property
    @abstractmethod
    def ids(self) -> tuple[str, ...]:
        """Those it has described."""

    @abstractmethod
    def order(self, name: str, choice: int) -> Message:
        """An instruction that may well be carried out."""

    @abstractmethod
    def last(self) -> tuple[Message, list[tuple[str, object]]]:
        """The instruction `last` for a device at rest, which can only be carried out; and what is written then."""

    @abstractmethod
    def readings(self, choice: int) -> Mapping[str, Value]:
        """What its device may read."""

    def seen(self, setpoint: Setpoint) -> Mapping[str, Value]:
        """What is read once the device does what was written."""
        return {setpoint.point: setpoint.value}

    @abstractmethod
    def change(self, choice: int) -> None:
        """The resource is another than before."""

    @abstractmethod
    def renew(self) -> None:
        """The resource can be ordered about again."""

    def _after_s(self, choice: int) -> float:
        return AFTER_S[choice % len(AFTER_S)]


class Battery(Part):
    control_type = ControlType.FILL_RATE_BASED_CONTROL
    instructions = ("FRBC.Instruction",)
    rest: ClassVar[Mapping[str, Value]] = {"soc": 50.0, "power": 0.0, "fault": "ok"}
    scopes = 1

    def __init__(self) -> None:
        self.stage = Stage()

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.stage.battery.description.actuator_id, self.stage.idle, self.stage.charge, self.stage.discharge)

    def order(self, name: str, choice: int) -> Message:
        stage = self.stage
        mode = (stage.idle, stage.charge, stage.discharge)[choice % 3]
        return stage.instruction(name, mode, choice % 11 / 10, after_s=self._after_s(choice))

    def last(self) -> tuple[Message, list[tuple[str, object]]]:
        return self.stage.instruction("last", self.stage.charge, 0.5), [("power_setpoint", 2500.0)]

    def readings(self, choice: int) -> Mapping[str, Value]:
        return {"soc": float(choice % 101), "power": float(choice * 37 % 12_000 - 6000)}

    def seen(self, setpoint: Setpoint) -> Mapping[str, Value]:
        return {"power": setpoint.value}

    def change(self, choice: int) -> None:
        self.stage.measured(fault="E7" if choice % 2 else "ok")

    def renew(self) -> None:
        self.stage.measured(fault="ok")


class Modes(Part):
    """Steered by operation modes and nothing else."""

    scope: ClassVar[str]
    resource: HeatPump | Tank | Hybrid
    stage: PlayedStage

    @property
    def ids(self) -> tuple[str, ...]:
        return (*self.resource.doing, "off", "on", "boost")

    def order(self, name: str, choice: int) -> Message:
        scope = (*self.resource.doing, self.scope)[choice % len(self.resource.doing)]
        mode = ("off", "on")[choice % 2] if choice % 7 else "boost"
        return self._instruction(name, scope, mode, choice % 11 / 10, self._after_s(choice), choice % 5 == 0)

    def last(self) -> tuple[Message, list[tuple[str, object]]]:
        return self._instruction("last", self.scope, "on", 0.5, 0.0, False), [(self.scope, "on 0.5")]

    def readings(self, choice: int) -> Mapping[str, Value]:
        scopes = tuple(self.resource.doing)
        return {scopes[choice % len(scopes)]: ("off 0", "on 1", "on 0.5")[choice % 3]}

    def change(self, choice: int) -> None:
        self.resource.obstacle = "it is not the time" if choice % 2 else None

    def renew(self) -> None:
        self.resource.obstacle = None

    @abstractmethod
    def _instruction(
        self, name: str, scope: str, mode: str, factor: float, after_s: float, is_abnormal: bool
    ) -> Message: ...


class Pump(Modes):
    control_type = ControlType.OPERATION_MODE_BASED_CONTROL
    instructions = ("OMBC.Instruction",)
    rest: ClassVar[Mapping[str, Value]] = {"resource": "off 0"}
    scopes = 1
    scope = "resource"

    def __init__(self) -> None:
        self.resource: HeatPump = HeatPump(emergency=("panic",))
        self.stage: PlayedStage = PlayedStage(self.resource)  # type: ignore[arg-type]

    def change(self, choice: int) -> None:
        super().change(choice)
        is_boosting = self.resource.doing[self.scope].operation_mode_id == "boost"
        self.resource.modes = ("off", "on") if choice % 3 and not is_boosting else ("off", "on", "boost")

    def seen(self, setpoint: Setpoint) -> Mapping[str, Value]:
        is_gone = str(setpoint.value).split()[0] not in (*self.resource.modes, *self.resource.emergency)
        return {setpoint.point: "off 0" if is_gone else setpoint.value}

    def _instruction(
        self, name: str, scope: str, mode: str, factor: float, after_s: float, is_abnormal: bool
    ) -> Message:
        return ombc.Instruction(
            message_id=f"m-{name}",
            id=name,
            execution_time=self.stage.now.utc + timedelta(seconds=after_s),
            operation_mode_id=mode,
            operation_mode_factor=factor,
            abnormal_condition=is_abnormal,
        )


class HotWater(Modes):
    control_type = ControlType.FILL_RATE_BASED_CONTROL
    instructions = ("FRBC.Instruction",)
    rest: ClassVar[Mapping[str, Value]] = {"pump": "off 0", "rod": "off 0"}
    scopes = 2
    scope = "rod"

    def __init__(self) -> None:
        element = frbc.LeakageBehaviourElement(
            fill_level_range=NumberRange(start_of_range=0.0, end_of_range=100.0), leakage_rate=0.001
        )
        self.resource: Tank = Tank(provides=("leakage", "usage", "target"), leakage=(element,))
        self.stage: PlayedStage = PlayedStage(self.resource)  # type: ignore[arg-type]

    def change(self, choice: int) -> None:
        super().change(choice)
        self.resource.level = float(choice % 120)
        usage = frbc.UsageForecastElement(duration=choice, usage_rate_expected=-0.001)
        self.resource.usage = (NOON, (usage,))

    def renew(self) -> None:
        super().renew()
        self.resource.level = 50.0

    def _instruction(
        self, name: str, scope: str, mode: str, factor: float, after_s: float, is_abnormal: bool
    ) -> Message:
        return frbc.Instruction(
            message_id=f"m-{name}",
            id=name,
            execution_time=self.stage.now.utc + timedelta(seconds=after_s),
            actuator_id=scope,
            operation_mode=mode,
            operation_mode_factor=factor,
            abnormal_condition=is_abnormal,
        )


class Heating(Modes):
    control_type = ControlType.DEMAND_DRIVEN_BASED_CONTROL
    instructions = ("DDBC.Instruction",)
    rest: ClassVar[Mapping[str, Value]] = {"pump": "off 0", "boiler": "off 0"}
    scopes = 2
    scope = "pump"

    def __init__(self) -> None:
        self.resource: Hybrid = Hybrid()
        self.stage: PlayedStage = PlayedStage(self.resource)  # type: ignore[arg-type]

    def change(self, choice: int) -> None:
        super().change(choice)
        self.resource.demand = NumberRange(start_of_range=float(choice % 9), end_of_range=10.0)

    def _instruction(
        self, name: str, scope: str, mode: str, factor: float, after_s: float, is_abnormal: bool
    ) -> Message:
        return ddbc.Instruction(
            message_id=f"m-{name}",
            id=name,
            execution_time=self.stage.now.utc + timedelta(seconds=after_s),
            actuator_id=scope,
            operation_mode_id=mode,
            operation_mode_factor=factor,
            abnormal_condition=is_abnormal,
        )


class Panels(Part):
    control_type = ControlType.POWER_ENVELOPE_BASED_CONTROL
    instructions = ("PEBC.Instruction",)
    rest: ClassVar[Mapping[str, Value]] = {"power": 0.0}
    scopes = 1

    def __init__(self) -> None:
        self.stage: RoofStage = RoofStage()

    @property
    def ids(self) -> tuple[str, ...]:
        known = [each.id for each in self.stage.told if hasattr(each, "valid_from") and hasattr(each, "id")]
        return (*known, "envelope")

    def order(self, name: str, choice: int) -> Message:
        elements = tuple((1.0 + choice % 100, -float(choice % 6000), 0.0) for _ in range(1 + choice % 3))
        return self.stage.envelope(name, *elements, after_s=self._after_s(choice), abnormal_condition=choice % 5 == 0)

    def last(self) -> tuple[Message, list[tuple[str, object]]]:
        return self.stage.envelope("last", (60, -2000, 0)), [("limits", "L1 -2000..0")]

    def readings(self, choice: int) -> Mapping[str, Value]:
        return {"power": -float(choice % 6000)}

    def seen(self, setpoint: Setpoint) -> Mapping[str, Value]:
        return {"power": 0.0}

    def change(self, choice: int) -> None:
        now = self.stage.now.utc
        ranges = (allowed(LOWER, -float(1 + choice % 5000), 0), allowed(UPPER, 0, 0))
        until = (None, now + timedelta(seconds=choice % 100 + 1))[choice % 2]
        begins = (None, now + timedelta(seconds=choice % 50))[choice % 3 == 0]
        self.stage.roof.offered = constraints(*ranges, valid_from=begins, valid_until=until if begins is None else None)

    def renew(self) -> None:
        self.stage.roof.offered = constraints()


class Dishwasher(Part):
    control_type = ControlType.POWER_PROFILE_BASED_CONTROL
    instructions = ("PPBC.ScheduleInstruction", "PPBC.StartInterruptionInstruction", "PPBC.EndInterruptionInstruction")
    rest: ClassVar[Mapping[str, Value]] = {"power": 0.0, "does": "nothing"}
    scopes = 4

    def __init__(self) -> None:
        self.stage: WasherStage = WasherStage()
        self._tasks = 1

    @property
    def ids(self) -> tuple[str, ...]:
        return (self._task_id, "wash", "dry", "quick", "eco", "boost", "hot")

    @property
    def _task_id(self) -> str:
        return f"dishes-{self._tasks}"

    def order(self, name: str, choice: int) -> Message:
        make = (self.stage.schedule, self.stage.interruption, self.stage.resumption)[choice % 3]
        where = (("wash", "quick"), ("wash", "quick"), ("wash", "eco"), ("wash", "boost"), ("dry", "hot"))[choice % 5]
        is_abnormal = choice % 7 == 0
        after_s = self._after_s(choice)
        return make(name, *where, after_s=after_s, power_profile_id=self._task_id, abnormal_condition=is_abnormal)

    def last(self) -> tuple[Message, list[tuple[str, object]]]:
        return self.stage.schedule("last", power_profile_id=self._task_id), [("task", "run wash quick")]

    def readings(self, choice: int) -> Mapping[str, Value]:
        actions = ("run wash quick", "run wash eco", "run dry hot", "pause wash quick", "resume wash quick", "nothing")
        return {"power": 1000.0, "does": actions[choice % len(actions)]}

    def change(self, choice: int) -> None:
        self._tasks += 1
        start = self.stage.now.utc - timedelta(hours=1)
        task = dishes(id=self._task_id, start_time=start, end_time=start + timedelta(hours=1 + choice % 8))
        self.stage.washer.task = task if choice % 4 else None

    def renew(self) -> None:
        self.change(7)


PARTS: tuple[type[Part], ...] = (Battery, HotWater, Panels, Pump, Heating, Dishwasher)
