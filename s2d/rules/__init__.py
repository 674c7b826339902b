"""The semantic rules of S2: what a message that has the right shape must keep to besides.

Pure: they judge what comes in and what goes out alike, and do nothing about it. What is valid depends on what was said
before, which `Said` keeps.
"""

from . import common, ddbc, elsewhere, frbc, instructions, numbers, ombc, pebc, powers, ppbc, status
from .catalogue import CATALOGUE, Rule, Severity, Violation, judge
from .said import Said

__all__ = ["CATALOGUE", "Rule", "Said", "Severity", "Violation", "judge"]

# Importing a family is what puts it into the catalogue.
_FAMILIES = (elsewhere, numbers, common, powers, status, instructions, frbc, pebc, ppbc, ombc, ddbc)
