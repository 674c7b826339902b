"""The control types that take instructions, with the class of choices of each, and the help text. Pure."""

from collections.abc import Iterable
from textwrap import indent

from ..s2.messages.common import ControlType
from .choices import Choices
from .commands import CONTROL_TYPES
from .ddbc import DemandDrivenChoices
from .frbc import FillRateChoices
from .ombc import OperationModeChoices
from .pebc import PowerEnvelopeChoices
from .ppbc import PowerProfileChoices

CHOICES: dict[ControlType, type[Choices]] = {
    ControlType.FILL_RATE_BASED_CONTROL: FillRateChoices,
    ControlType.POWER_ENVELOPE_BASED_CONTROL: PowerEnvelopeChoices,
    ControlType.POWER_PROFILE_BASED_CONTROL: PowerProfileChoices,
    ControlType.OPERATION_MODE_BASED_CONTROL: OperationModeChoices,
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: DemandDrivenChoices,
}
"""Control type → choices offered under it. NOT_CONTROLABLE and NO_SELECTION take no instructions."""

_ALWAYS = """\
any of these in 30s     later; also "in 5 min", "at 14:30:00Z", "at 2030-01-31T14:30:00+01:00"
status                  what each resource manager does, and how long ago that was so
revoke                  take back the last instruction that can be
revoke 2                another one: by its number, its id or what it is called
select pebc             another control type: {control_types}
reconnect               ask the resource manager to connect again
terminate               end the session
@2 charge 0.5           to the second resource manager; also by the start of its name or resource id"""


def usage(control_types: Iterable[ControlType] = CHOICES) -> str:
    """Every command with what it does, one per line: those of *control_types*, then those of all."""
    short = {control_type: name for name, control_type in CONTROL_TYPES.items()}
    shown: dict[str, list[str]] = {}
    for control_type in dict.fromkeys(control_types):
        if control_type in CHOICES:
            shown.setdefault(CHOICES[control_type].usage, []).append(short[control_type])
    sections = [*((", ".join(names), commands) for commands, names in shown.items()), ("always", _always())]
    return "\n".join(f"{title}:\n{indent(commands, '  ')}" for title, commands in sections)


def _always() -> str:
    return _ALWAYS.format(control_types=", ".join(CONTROL_TYPES))
