"""The kind `battery`: its points, its settings, and the control types that it can offer."""

from collections.abc import Collection, Mapping

from ....s2.messages.common import ControlType
from ....values import PlausibleRange, Value
from ...control.offers import Offer, offer_frbc, offer_ombc, offer_pebc
from ...control.reporting import ReportThresholds
from ...occasion import Occasion
from .. import Ability, CanonicalPoint, Kind, ResourceSetup, short_names
from ..power_points import PHASE_POWERS, of_all_powers
from .battery import FORCED, LIMITS, MODE, Battery
from .envelopes import BatteryEnvelopes
from .fill_rate import BatteryStorage
from .modes import BatteryModes
from .settings import BatterySettings

__all__ = ["KIND", "Battery", "BatterySettings", "battery"]

OFFERS: dict[ControlType, Offer[Battery]] = {
    ControlType.FILL_RATE_BASED_CONTROL: offer_frbc(BatteryStorage),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: offer_pebc(BatteryEnvelopes),
    ControlType.OPERATION_MODE_BASED_CONTROL: offer_ombc(BatteryModes),
}
"""What it can offer, richest first, and what makes of its model what each asks for."""
_OVER_NAMEPLATE = 1.5
"""Inverters give more than they are built for, for a short time."""
_OVER_ALLOWED = 1.5
"""So much more than its owner allows is worth a note."""
_MOST_POWER_W = 100_000.0
"""No home battery has more, where no nameplate tells."""
_MARGIN_PERCENT = 1.0
"""Some devices round a state of charge to 101 %."""
_STEP_PERCENT = 5.0
"""They correct themselves by so much at times."""
_FASTER = 2.0
"""The nameplate's power is alternating current, and a battery loses capacity with age."""
_EMPTY_AFTER_H = 1.0
"""Hardly any home battery is full or empty sooner, where no nameplate tells."""


def battery(setup: ResourceSetup) -> Battery:
    """The model of one battery."""
    return Battery(setup, OFFERS)


def _reach(settings: BatterySettings) -> dict[str, tuple[float, float]]:
    most_charge_w, most_discharge_w = float(settings.max_charge_power_w), float(settings.max_discharge_power_w)
    charge_limit, discharge_limit = LIMITS
    return {
        FORCED: (-most_discharge_w, most_charge_w),
        charge_limit: (0.0, most_charge_w),
        discharge_limit: (0.0, most_discharge_w),
    }


def _thresholds(
    settings: BatterySettings, power_w: float | None, percent: float | None, every_s: float
) -> ReportThresholds:
    fill_level = (0.5 if percent is None else percent) * settings.fill_level_per_percent
    return ReportThresholds(settings.idle_below_w if power_w is None else power_w, fill_level, every_s)


def _plausible(settings: BatterySettings, nameplate_w: float | None) -> dict[str, PlausibleRange]:
    """Its owner may allow less than it does by itself: only the nameplate tells what it cannot."""
    allowed_w = max(settings.max_charge_power_w, settings.max_discharge_power_w)
    most_w = _OVER_NAMEPLATE * nameplate_w if nameplate_w else max(_MOST_POWER_W, _OVER_ALLOWED * allowed_w)
    power = PlausibleRange(
        low=-most_w,
        high=most_w,
        usual_low=-_OVER_ALLOWED * settings.max_discharge_power_w,
        usual_high=_OVER_ALLOWED * settings.max_charge_power_w,
    )
    fastest_w = _FASTER * (nameplate_w or max(allowed_w, settings.capacity_wh / _EMPTY_AFTER_H))
    soc = PlausibleRange(
        low=0.0,
        high=100.0,
        margin=_MARGIN_PERCENT,
        step=_STEP_PERCENT,
        change_per_s=fastest_w / settings.capacity_wh * 100 / 3600,
    )
    return {"soc": soc, **of_all_powers(power)}


def _steered_by(points: Collection[str], commands: Collection[str]) -> tuple[str, ...]:
    """Where it can be held at a power, limits steer it only as commands; as points they may be means to that."""
    named = {*points, *commands}
    if FORCED in named:
        return (FORCED, *(LIMITS if set(LIMITS) <= set(commands) else ()))
    return LIMITS if set(LIMITS) <= named else tuple({MODE} & named)


def _safe(settings: BatterySettings, steered_by: Collection[str]) -> dict[str, Value]:
    """It rests; limits are out of the way where it can be held at rest otherwise."""
    if FORCED in steered_by:
        most = _reach(settings)
        return {FORCED: 0.0, **{point: most[point][1] for point in LIMITS if point in steered_by}}
    return {point: "idle" if point == MODE else 0.0 for point in steered_by}


def _out_of_reach(settings: BatterySettings, abilities: Mapping[str, Ability]) -> dict[str, str]:
    written = {name for name, ability in abilities.items() if ability.can_write}
    why = {} if FORCED in written else {"frbc": f"there is no {FORCED} to write"}
    if not written.issuperset(LIMITS):
        why["pebc"] = f"there are no {' and '.join(LIMITS)} to write"
    elif FORCED in written and not abilities[FORCED].can_release:
        why["pebc"] = f"{FORCED} cannot be released, and a battery that is held at a power keeps no limits"
    if MODE not in written:
        why["ombc"] = f"there is no {MODE} to write"
    elif not written.isdisjoint((FORCED, *LIMITS)):
        why["ombc"] = "it is steered by more than its mode"
    return why


KIND = Kind(
    name="battery",
    settings=BatterySettings,
    points={
        "soc": CanonicalPoint("read", "percentage", "state of charge"),
        "power": CanonicalPoint("read", "power", "power now, charging positive"),
        **PHASE_POWERS,
        "status": CanonicalPoint("read", "", "what the device says it does"),
        "fault": CanonicalPoint("read", "", "anything but 0, false or `ok` is a fault"),
        FORCED: CanonicalPoint("write", "power", "power it shall take (positive) or give (negative)"),
        "charge_limit": CanonicalPoint("write", "power", "most it may take"),
        "discharge_limit": CanonicalPoint("write", "power", "most it may give"),
        MODE: CanonicalPoint("write", "", "what it shall do: `idle`, `charge` or `discharge`"),
    },
    needs=((("power",),), (("soc", FORCED), LIMITS, (MODE,))),
    control_types=short_names(OFFERS),
    steered_by=_steered_by,
    safe=_safe,
    thresholds=_thresholds,
    reach=_reach,
    plausible=_plausible,
    states={MODE: ("idle", "charge", "discharge")},
    shows={},
    hold_s={Occasion.CEM_LOST: 60.0},
    resource=battery,
    out_of_reach=_out_of_reach,
)
