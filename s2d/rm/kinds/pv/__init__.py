"""The kind `pv`: its points, its settings, and the control type that it can offer."""

from collections.abc import Collection, Mapping

from ....s2.messages.common import ControlType
from ....values import PlausibleRange, Value
from ...control.offers import Offer, offer_pebc
from ...control.reporting import ReportThresholds
from ...occasion import Occasion
from .. import Ability, CanonicalPoint, Kind, ResourceSetup, short_names
from ..power_points import PHASE_POWERS, of_all_powers
from .envelopes import PvEnvelopes
from .pv import LIMIT, NAMEPLATE, Pv
from .settings import PvSettings

__all__ = ["KIND", "Pv", "PvSettings", "pv"]

OFFERS: dict[ControlType, Offer[Pv]] = {ControlType.POWER_ENVELOPE_BASED_CONTROL: offer_pebc(PvEnvelopes)}
"""What it can offer, and what makes of its model what that asks for."""
_MOST_POWER_W = 100_000.0
"""No inverter of a home has more, where nobody tells."""
_OVER_NAMEPLATE = 1.5
_STANDBY_W = 200.0
"""What it takes itself, at night above all."""
_REPORT_W, _REPORT = 50.0, 0.02
"""A change of so much, or this share of its nameplate, is worth telling."""


def pv(setup: ResourceSetup) -> Pv:
    """The model of one PV inverter."""
    return Pv(setup, OFFERS)


def _most_w(settings: PvSettings) -> float:
    return float(settings.max_power_w or _MOST_POWER_W)


def _steered_by(points: Collection[str], commands: Collection[str]) -> tuple[str, ...]:
    return (LIMIT,) if LIMIT in (*points, *commands) else ()


def _safe(settings: PvSettings, steered_by: Collection[str]) -> dict[str, Value]:
    """It produces what it can, within what it may never exceed."""
    free_w = _most_w(settings) if settings.feed_in_limit_w is None else float(settings.feed_in_limit_w)
    return dict.fromkeys(steered_by, free_w)


def _reach(settings: PvSettings) -> dict[str, tuple[float, float]]:
    if settings.max_power_w is None:
        return {}
    return {LIMIT: (float(settings.min_limit_w), float(settings.max_power_w))}


def _thresholds(settings: PvSettings, power_w: float | None, percent: float | None, every_s: float) -> ReportThresholds:
    usual_w = max(_REPORT_W, _REPORT * (settings.max_power_w or 0.0))
    return ReportThresholds(usual_w if power_w is None else power_w, 0.0, every_s)


def _plausible(settings: PvSettings, nameplate_w: float | None) -> dict[str, PlausibleRange]:
    most_w = _OVER_NAMEPLATE * (nameplate_w or _most_w(settings))
    power = PlausibleRange(low=-most_w, high=_STANDBY_W, margin=_STANDBY_W)
    return {
        **of_all_powers(power),
        NAMEPLATE: PlausibleRange(low=0.0, high=max(most_w, _MOST_POWER_W)),
    }


def _may_be_released(settings: PvSettings) -> bool:
    """What it did by itself may be more than it may ever do."""
    return settings.feed_in_limit_w is None


def _out_of_reach(settings: PvSettings, abilities: Mapping[str, Ability]) -> dict[str, str]:
    if LIMIT not in abilities or not abilities[LIMIT].can_write:
        return {"pebc": f"there is no {LIMIT} to write"}
    return {} if settings.max_power_w or NAMEPLATE in abilities else {"pebc": "nobody says its max_power"}


def _shows_within_s(abilities: Mapping[str, Ability]) -> float:
    """An inverter ramps; as the documentation of S2 has it."""
    return 5.0


KIND = Kind(
    name="pv",
    settings=PvSettings,
    points={
        "power": CanonicalPoint("read", "power", "power now, negative while it produces"),
        **PHASE_POWERS,
        NAMEPLATE: CanonicalPoint("read", "power", "most it can produce, positive"),
        "state": CanonicalPoint("read", "", "what it says it does: `sleeping` and `off` are the dark"),
        "energy": CanonicalPoint("read", "energy", "energy it has produced"),
        "fault": CanonicalPoint("read", "", "anything but 0, false or `ok` is a fault"),
        LIMIT: CanonicalPoint("write", "power", "most it may produce, positive"),
    },
    needs=((("power",),),),
    control_types=short_names(OFFERS),
    steered_by=_steered_by,
    safe=_safe,
    thresholds=_thresholds,
    reach=_reach,
    plausible=_plausible,
    states={},
    shows={},
    hold_s={Occasion.CEM_LOST: 60.0},
    resource=pv,
    shows_within_s=_shows_within_s,
    may_be_released=_may_be_released,
    out_of_reach=_out_of_reach,
)
