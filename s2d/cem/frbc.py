"""How the CEM orders under Fill Rate Based Control: from the words of a command to mode, factor and power. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from ..messages.common import CommodityQuantity, PowerRange
from ..messages.frbc import ActuatorDescription, OperationMode, OperationModeElement, SystemDescription
from .commands import CommandRefused, Instruct


class Choice(NamedTuple):
    """An operation mode at a factor."""

    actuator: ActuatorDescription
    mode: OperationMode
    factor: float
    power_w: float | None
    """What that asks for, at the present fill level; None for a mode without electric power."""


def choose(description: SystemDescription, fill_level: float | None, wish: Instruct) -> Choice:
    """The operation mode and factor that *wish* means.

    Raises: CommandRefused: the system has no such mode, more than one, or the share has no meaning in it.
    """
    actuator, mode = _mode(description, wish.mode)
    electric = [each for each in element_at(mode, fill_level).power_ranges if is_electric(each)]
    start_w = sum(each.start_of_range for each in electric)
    end_w = sum(each.end_of_range for each in electric)
    factor = wish.factor if wish.factor is not None else _factor(mode, wish, start_w, end_w)
    return Choice(actuator, mode, factor, start_w + factor * (end_w - start_w) if electric else None)


def element_at(mode: OperationMode, fill_level: float | None) -> OperationModeElement:
    """The element of *mode* at *fill_level*; the first where none covers it, as the judge of that is the RM."""
    for element in mode.elements:
        band = element.fill_level_range
        if fill_level is not None and band.start_of_range <= fill_level <= band.end_of_range:
            return element
    return mode.elements[0]


def label_of(mode: OperationMode) -> str:
    """What people call *mode*."""
    return mode.diagnostic_label or mode.id


def is_electric(power: PowerRange) -> bool:
    return power.commodity_quantity in (
        CommodityQuantity.ELECTRIC_POWER_L1,
        CommodityQuantity.ELECTRIC_POWER_L2,
        CommodityQuantity.ELECTRIC_POWER_L3,
        CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC,
    )


def _mode(description: SystemDescription, name: str) -> tuple[ActuatorDescription, OperationMode]:
    every = [(actuator, mode) for actuator in description.actuators for mode in actuator.operation_modes]
    for is_meant in (
        lambda mode: mode.id == name,
        lambda mode: label_of(mode).casefold() == name.casefold(),
        lambda mode: first_word(mode).casefold() == name.casefold(),
    ):
        meant = [(actuator, mode) for actuator, mode in every if is_meant(mode)]
        if len(meant) == 1:
            return meant[0]
        if meant:
            modes = ", ".join(f"{mode.id} ({label_of(mode)})" for _, mode in meant)
            raise CommandRefused(f'"{name}" may be any of {modes}; name it by its id')
    words = ", ".join(dict.fromkeys(words_of(description)))
    raise CommandRefused(f'no operation mode and no command "{name}"; the modes are {words}; "help" lists the commands')


def words_of(description: SystemDescription) -> Iterator[str]:
    """The words that name its operation modes."""
    for actuator in description.actuators:
        yield from map(first_word, actuator.operation_modes)


def first_word(mode: OperationMode) -> str:
    return (label_of(mode).split() or [mode.id])[0]


def _factor(mode: OperationMode, wish: Instruct, start_w: float, end_w: float) -> float:
    if start_w == end_w:
        return 0.0
    if wish.share is None:
        raise CommandRefused(f"{wish.mode} needs the share of its full power, such as {wish.mode} 0.5")
    if start_w * end_w < 0:
        what = f"{label_of(mode)} reaches from {start_w:g} W to {end_w:g} W, so a share of it is not clear"
        raise CommandRefused(f"{what}; give the factor itself, such as factor {wish.mode} 0.5")
    # Ranges rise, so that of a discharge ends at its smallest power.
    return wish.share if abs(start_w) < abs(end_w) else 1 - wish.share
