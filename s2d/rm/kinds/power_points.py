"""Power points: by which points the electric power of a resource is measured, and in which quantity.

Spec: EN 50491-12-2, CommodityQuantity; 3_PHASE_SYMMETRIC is the total of all phases.
"""

from collections.abc import Collection, Mapping
from typing import Literal

from ...phases import UNROTATED, PhaseRotation
from ...s2.messages.common import CommodityQuantity
from ...values import PlausibleRange
from . import CanonicalPoint

THREE_PHASES = CommodityQuantity.ELECTRIC_POWER_3_PHASE_SYMMETRIC
PHASES = {
    "power_l1": CommodityQuantity.ELECTRIC_POWER_L1,
    "power_l2": CommodityQuantity.ELECTRIC_POWER_L2,
    "power_l3": CommodityQuantity.ELECTRIC_POWER_L3,
}
"""The point of each phase."""


PHASE_POWERS: Mapping[str, CanonicalPoint] = {
    f"power_l{phase}": CanonicalPoint("read", "power", f"power on phase {phase}") for phase in (1, 2, 3)
}
"""What the points of the phases are, of every kind that is measured so."""


def of_all_powers(plausible: PlausibleRange) -> dict[str, PlausibleRange]:
    """What is *plausible* of the power of a device, of its total and of each phase."""
    return dict.fromkeys(("power", *PHASE_POWERS), plausible)


def of_phases(rotation: PhaseRotation) -> dict[str, CommodityQuantity]:
    """The point of each phase of a device → what it measures, by the phase of the house on which that is."""
    by_house = tuple(PHASES.values())
    return {point: by_house[phase - 1] for point, phase in zip(PHASES, rotation, strict=True)}


def described_quantity(phases: Literal[1, 3], rotation: PhaseRotation = UNROTATED) -> CommodityQuantity:
    """In which power is described; peers refuse more than one electric range, so of three phases it is their sum."""
    return of_phases(rotation)["power_l1"] if phases == 1 else THREE_PHASES


def power_points(phases: Literal[1, 3], points: Collection[str]) -> dict[CommodityQuantity, str]:
    """Quantity → the one of *points* that measures it: each phase by itself where there are points for all three."""
    if phases == 1:
        return {CommodityQuantity.ELECTRIC_POWER_L1: "power"}
    if PHASES.keys() <= {*points}:
        return {quantity: point for point, quantity in PHASES.items()}
    return {THREE_PHASES: "power"}
