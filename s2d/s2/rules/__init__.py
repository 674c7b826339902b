"""The semantic rules of S2: what a message that has the right shape must keep to besides.

Pure: they judge what comes in and what goes out alike, and do nothing about it. What is valid depends on what was said
before, which `Said` keeps.
"""

from . import (
    common,
    ddbc,
    frbc,
    instructions,
    ombc,
    pebc,
    ppbc,
    status,
)
from . import (
    enforced_elsewhere as elsewhere,
)
from . import (
    ids_and_ranges as numbers,
)
from . import (
    power_values as powers,
)
from .history import Said
from .registry import CATALOGUE, Rule, Severity, Violation, judge

__all__ = ["CATALOGUE", "Rule", "Said", "Severity", "Violation", "judge"]

# Importing a family is what puts it into the catalogue.
_FAMILIES = (elsewhere, numbers, common, powers, status, instructions, frbc, pebc, ppbc, ombc, ddbc)
