"""The semantic rules of S2: what a message that has the right shape must keep to besides.

Pure: they judge what comes in and what goes out alike, and do nothing about it. What is valid depends on the messages
before, which `History` keeps.
"""

from . import (
    common,
    ddbc,
    enforced_elsewhere,
    frbc,
    ids_and_ranges,
    instructions,
    ombc,
    pebc,
    power_values,
    ppbc,
    status,
)
from .history import History
from .registry import REGISTRY, Rule, Severity, Violation, judge

__all__ = ["REGISTRY", "History", "Rule", "Severity", "Violation", "judge"]

# Importing a family is what puts it into the registry.
_FAMILIES = (
    enforced_elsewhere,
    ids_and_ranges,
    common,
    power_values,
    status,
    instructions,
    frbc,
    pebc,
    ppbc,
    ombc,
    ddbc,
)
