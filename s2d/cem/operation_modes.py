"""The choice of operation modes, the same under FRBC, OMBC and DDBC. Pure: from words to mode, factor and power."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from ..s2.messages import ddbc, frbc, ombc
from ..s2.messages.common import Message, PowerRange, Timer
from ..s2.messages.instruction import Instruction
from .aliases import Alias, find_named, first_word
from .choices import Choices, InstructionDraft, InstructionHeader, remember
from .commands import CommandRefused, Operate, Order, Stop
from .formatting import ELECTRIC, Row, listed, range_text, row, unit_of, utc_text

USAGE = """\
charge 2 kW             a mode by the first word of its label, and the power it shall take or give
charge 50 %             and the share of its full power; also as a number from 0 to 1
stop                    the mode that takes and gives nothing
charge 0.5 of boiler    of one actuator, where several have such a mode
idle                    a mode of one power needs no share
factor charge 0.3       a mode by label or id, with the operation mode factor as S2 counts it
boost 1 abnormal        also a mode that is for abnormal conditions only"""


class Span(NamedTuple):
    """The range of one quantity in a mode, from factor 0 to factor 1."""

    start: float
    end: float
    wording: str = "{} W"

    def at(self, factor: float) -> str:
        return self.wording.format(f"{self.start + factor * (self.end - self.start):g}")

    def __str__(self) -> str:
        return self.wording.format(range_text(self.start, self.end))


class OfferedMode(NamedTuple):
    """An operation mode that is offered, under any control type."""

    id: str
    label: str
    """Its diagnostic label; its id without one."""
    spans: tuple[Span, ...]
    """The most important first: electric power, if it has any."""
    is_abnormal: bool

    @property
    def word(self) -> str:
        return first_word(self.label)


class OfferedActuator(NamedTuple):
    """An actuator that is offered; under OMBC the whole resource is one."""

    id: str
    label: str
    modes: tuple[OfferedMode, ...]
    timers: tuple[Timer, ...]

    @property
    def word(self) -> str:
        return first_word(self.label)


class ActiveMode(NamedTuple):
    """The operation mode that an actuator was last told to be in."""

    mode_id: str
    factor: float


class ModeBasedChoices(Choices):
    """The choices of operation modes: what FRBC, OMBC and DDBC have in common."""

    accepts = (Operate, Stop)
    usage = USAGE

    def __init__(self) -> None:
        self._active_modes: dict[str, ActiveMode] = {}
        self._timers: dict[tuple[str, str], datetime] = {}

    @abstractmethod
    def actuators(self) -> tuple[OfferedActuator, ...]:
        """The actuators as described; empty before."""

    @abstractmethod
    def instruction(
        self, header: InstructionHeader, actuator: OfferedActuator, mode: OfferedMode, factor: float
    ) -> Instruction:
        """An instruction to bring *actuator* into *mode* at *factor*."""

    def draft(self, order: Order, header: InstructionHeader, new_id: Callable[[], str]) -> InstructionDraft:
        assert isinstance(order, Operate | Stop)
        actuator, mode = self._resolve(order) if isinstance(order, Operate) else self._resting(order)
        factor = _factor(mode, order) if isinstance(order, Operate) else 0.0
        of = f" of {actuator.word}" if len(self.actuators()) > 1 else ""
        details = ", ".join([f"S2 factor {factor:g}", *(each.at(factor) for each in mode.spans)])
        instruction = self.instruction(header, actuator, mode, factor)
        return InstructionDraft(instruction, mode.word + of, mode.label + of, details)

    def possible(self) -> str:
        actuators = self.actuators()
        if not actuators:
            return "the system has not been described"
        if len(actuators) == 1:
            return f"the modes are {_words(actuators[0].modes)}"
        return f"the modes are {'; '.join(f'{_words(each.modes)} of {each.word}' for each in actuators)}"

    def completions(self) -> Iterable[str]:
        actuators = self.actuators()
        modes = [mode.word for actuator in actuators for mode in actuator.modes]
        return dict.fromkeys([*modes, *(["of", *(each.word for each in actuators)] if len(actuators) > 1 else [])])

    def rows(self) -> Iterable[Row]:
        actuators = self.actuators()
        for actuator in actuators:
            of = f"{actuator.word}: " if len(actuators) > 1 else ""
            yield row("modes", of + listed(map(_mode_text, actuator.modes)))
            if active_mode := self._active_modes.get(actuator.id):
                yield row("mode", of + _active_mode_text(actuator, active_mode))
            timers = [
                f"{_timer_label(timer)} until {utc_text(finished_at)}"
                for timer in actuator.timers
                if (finished_at := self._timers.get((actuator.id, timer.id)))
            ]
            if timers:
                yield row("timers", of + ", ".join(timers))

    def record_active_mode(
        self, actuator_id: str, status: frbc.ActuatorStatus | ombc.Status | ddbc.ActuatorStatus
    ) -> None:
        """Records the mode an actuator is in."""
        remember(
            self._active_modes, actuator_id, ActiveMode(status.active_operation_mode_id, status.operation_mode_factor)
        )

    def record_timer(self, actuator_id: str, status: frbc.TimerStatus | ombc.TimerStatus | ddbc.TimerStatus) -> None:
        """Records when a timer finishes."""
        remember(self._timers, (actuator_id, status.timer_id), status.finished_at)

    def describe(self, message: Message) -> str:
        match message:
            case frbc.ActuatorStatus() | ombc.Status() | ddbc.ActuatorStatus():
                actuator = self._actuator(getattr(message, "actuator_id", ""))
                return _active_mode_text(
                    actuator, ActiveMode(message.active_operation_mode_id, message.operation_mode_factor)
                )
            case frbc.TimerStatus() | ombc.TimerStatus() | ddbc.TimerStatus():
                timers = self._actuator(getattr(message, "actuator_id", "")).timers
                label = next(
                    (_timer_label(timer) for timer in timers if timer.id == message.timer_id), message.timer_id
                )
                return f"{label} until {utc_text(message.finished_at)}"
        return ""

    def _actuator(self, actuator_id: str) -> OfferedActuator:
        unknown = OfferedActuator(actuator_id, actuator_id, (), ())
        return next((each for each in self.actuators() if each.id == actuator_id), unknown)

    def _resolve(self, order: Operate) -> tuple[OfferedActuator, OfferedMode]:
        actuators = self.actuators()
        if not actuators:
            raise CommandRefused(f'"{order.mode}" cannot be ordered: {self.possible()}')
        if order.actuator is not None:
            actuators = (self._named(order.actuator),)
        every = [(actuator, mode) for actuator in actuators for mode in actuator.modes]
        found = find_named(order.mode, every, lambda each: Alias(each[1].id, each[1].label))
        if order.power_w is not None and len(found) > 1:
            found = [each for each in found if _factor_of_power(each[1], order.power_w) is not None][:1] or found
        elif order.share is not None and len({actuator.id for actuator, _ in found}) == 1:
            most = max(_full(mode) for _, mode in found)
            found = [each for each in found if _full(each[1]) == most]
        if len(found) == 1:
            return found[0]
        if not found:
            what = f'no operation mode and no command "{order.mode}"'
            raise CommandRefused(f'{what}; {self.possible()}; "help" lists the commands')
        if len({actuator.id for actuator, _ in found}) > 1:
            which = " or ".join(actuator.word for actuator, _ in found)
            such = f'such as "{order.mode} of {found[0][0].word}"'
            raise CommandRefused(f'"{order.mode}" may be of {which}; say of which, {such}')
        modes = ", ".join(f"{mode.id} ({mode.label})" for _, mode in found)
        raise CommandRefused(f'"{order.mode}" may be any of {modes}; name it by its id')

    def _named(self, word: str) -> OfferedActuator:
        actuators = self.actuators()
        numbers = {each.id: number for number, each in enumerate(actuators, 1)}
        named = find_named(word, actuators, lambda each: Alias(each.id, each.label, numbers[each.id]))
        if len(named) != 1:
            known = ", ".join(each.label for each in actuators if each.id)
            raise CommandRefused(f'"{word}" is not one actuator; there are {known or "none"}')
        return named[0]

    def _resting(self, order: Stop) -> tuple[OfferedActuator, OfferedMode]:
        """The mode of an actuator that takes and gives nothing."""
        actuators = self.actuators() if order.actuator is None else (self._named(order.actuator),)
        if len(actuators) > 1:
            which = " or ".join(each.word for each in actuators)
            raise CommandRefused(f'"stop" may be of {which}; say of which, such as "stop of {actuators[0].word}"')
        for actuator in actuators:
            for mode in reversed(actuator.modes):
                is_possible = order.is_abnormal or not mode.is_abnormal
                if is_possible and mode.spans and all(each.start == each.end == 0 for each in mode.spans):
                    return actuator, mode
        raise CommandRefused(f'no mode takes and gives nothing, so "stop" means none of them; {self.possible()}')


def spans_of(power_ranges: Sequence[PowerRange]) -> tuple[Span, ...]:
    """The electric power, summed over the phases, then the other quantities."""
    electric = [each for each in power_ranges if each.commodity_quantity in ELECTRIC]
    others = [each for each in power_ranges if each.commodity_quantity not in ELECTRIC]
    total = Span(sum(each.start_of_range for each in electric), sum(each.end_of_range for each in electric))
    return (
        *([total] if electric else []),
        *(
            Span(
                each.start_of_range,
                each.end_of_range,
                f"{{}} {unit_of(each.commodity_quantity)} {each.commodity_quantity}",
            )
            for each in others
        ),
    )


def _factor(mode: OfferedMode, order: Operate) -> float:
    if order.factor is not None:
        return order.factor
    if order.power_w is None:
        return _factor_of_share(mode, order)
    factor = _factor_of_power(mode, order.power_w)
    if factor is None:
        offered = ", ".join(map(str, mode.spans)) or "no power"
        raise CommandRefused(f"{mode.label} has {offered}, not {order.power_w:g} W")
    return factor


def _factor_of_power(mode: OfferedMode, power_w: float) -> float | None:
    """At which factor it takes or gives *power_w*, whichever way it goes; None: at none."""
    for span in mode.spans[:1]:
        for power in (power_w, -power_w):
            if min(span.start, span.end) <= power <= max(span.start, span.end):
                return (power - span.start) / (span.end - span.start) if span.end != span.start else 0.0
    return None


def _full(mode: OfferedMode) -> float:
    """The most that *mode* takes or gives."""
    return max((abs(end) for each in mode.spans[:1] for end in (each.start, each.end)), default=0.0)


def _factor_of_share(mode: OfferedMode, order: Operate) -> float:
    graded = next((each for each in mode.spans if each.start != each.end), None)
    if graded is None:
        return 0.0
    start, end = graded.start, graded.end
    if order.share is None:
        such = f"such as {order.mode} 50 %"
        raise CommandRefused(f"{order.mode} needs a power, or the share of its full power, {such}")
    if start * end < 0:
        ends = f"{graded.wording.format(f'{start:g}')} to {graded.wording.format(f'{end:g}')}"
        what = f"{mode.label} reaches from {ends}, so a share of it is not clear"
        raise CommandRefused(f"{what}; give the factor itself, such as factor {order.mode} 0.5")
    # Ranges rise, so that of a discharge ends at its smallest power.
    return order.share if abs(start) < abs(end) else 1 - order.share


def _active_mode_text(actuator: OfferedActuator, active_mode: ActiveMode) -> str:
    label = next((mode.label for mode in actuator.modes if mode.id == active_mode.mode_id), active_mode.mode_id)
    return f"{label}  factor {active_mode.factor:.4g}"


def _mode_text(mode: OfferedMode) -> str:
    return " ".join([mode.word, *map(str, mode.spans), *(["(abnormal)"] if mode.is_abnormal else [])])


def _words(modes: Iterable[OfferedMode]) -> str:
    return listed(mode.word for mode in modes)


def _timer_label(timer: Timer) -> str:
    return timer.diagnostic_label or timer.id
