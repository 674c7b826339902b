"""The kind `heat_pump`: its points, its settings, and the control types that it can offer."""

from collections.abc import Collection, Mapping

from ....s2.messages.common import ControlType
from ....values import PlausibleRange, Value
from ...control.offers import Offer, offer_frbc, offer_ombc, offer_pebc
from ...control.reporting import ReportThresholds
from ...occasion import Occasion
from .. import Ability, CanonicalPoint, Kind, ResourceSetup, short_names
from ..heated_storage import HeatedStorage
from ..heating import HEAT_NOW, LIMIT, OFFER, SETPOINT, TEMPERATURE
from ..hygiene import HOT_C
from ..later_start import ON
from ..power_points import PHASE_POWERS, of_all_powers
from .advice import advice
from .envelopes import HeatPumpEnvelopes
from .frost_guard import OUTDOOR
from .heat_pump import FLOW_SETPOINT, SHOWS_BY, HeatPump, heated_by
from .modes import SgReadyModes
from .settings import HeatPumpSettings
from .sg_ready import BLOCKED, BOOST, MODE, NORMAL, RELAYS

__all__ = ["KIND", "HeatPump", "HeatPumpSettings", "heat_pump"]

OFFERS: dict[ControlType, Offer[HeatPump]] = {
    ControlType.FILL_RATE_BASED_CONTROL: offer_frbc(HeatedStorage),
    ControlType.OPERATION_MODE_BASED_CONTROL: offer_ombc(SgReadyModes),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: offer_pebc(HeatPumpEnvelopes),
}
"""What it can offer, richest first, and what makes of its model what each asks for."""
_MOST_POWER_W = 50_000.0
"""No heat pump of a home has more, its heater rod included."""
_OVER_NAMEPLATE = 1.5
_REPORT_W, _REPORT = 50.0, 0.05
"""A change of so much, or this share of its power, is worth telling."""


def heat_pump(setup: ResourceSetup) -> HeatPump:
    """The model of one heat pump."""
    return HeatPump(setup, OFFERS)


def _steered_by(points: Collection[str], commands: Collection[str]) -> tuple[str, ...]:
    """Contacts beside a mode are means to that."""
    named = {*points, *commands}
    states = (MODE,) if MODE in named else RELAYS if named.issuperset(RELAYS) else ()
    return (*states, *(point for point in (SETPOINT, LIMIT, OFFER, ON) if point in named))


def _safe(settings: HeatPumpSettings, steered_by: Collection[str]) -> dict[str, Value]:
    """It is left to its own control."""
    own: dict[str, Value] = {MODE: NORMAL, **dict.fromkeys(RELAYS, False), OFFER: 0.0, ON: True}
    if settings.band_c:
        own[SETPOINT] = settings.band_c[1]
    if most_w := settings.cap_w or settings.power_w:
        own[LIMIT] = float(most_w[1])
    return {point: own[point] for point in steered_by if point in own}


def _reach(settings: HeatPumpSettings) -> dict[str, tuple[float, float]]:
    reach: dict[str, tuple[float, float]] = {}
    if settings.band_c:
        low_c, high_c = settings.band_c
        is_by_us = settings.storage == "dhw" and settings.hygiene == "rm"
        reach[SETPOINT] = (low_c, max(high_c, HOT_C) if is_by_us else high_c)
    if cap_w := settings.cap_w or settings.power_w:
        reach[LIMIT] = (0.0 if settings.cap_stops else float(cap_w[0]), float(cap_w[1]))
    if settings.power_w:
        reach[OFFER] = (0.0, float(settings.power_w[1]))
    return reach


def _thresholds(
    settings: HeatPumpSettings, power_w: float | None, percent: float | None, every_s: float
) -> ReportThresholds:
    most_w = settings.power_w or settings.cap_w or (0.0, 0.0)
    usual_w = max(_REPORT_W, _REPORT * most_w[1])
    storage = settings.thermal_storage
    fill_level = storage.reported_step(settings.band_k, percent) if storage and settings.band_k else 0.0
    return ReportThresholds(usual_w if power_w is None else power_w, fill_level, every_s)


def _plausible(settings: HeatPumpSettings, nameplate_w: float | None) -> dict[str, PlausibleRange]:
    most_w = _OVER_NAMEPLATE * nameplate_w if nameplate_w else _MOST_POWER_W
    power = PlausibleRange(low=0.0, high=most_w, margin=most_w / 20)
    water = PlausibleRange(low=-30.0, high=120.0)
    return {
        **of_all_powers(power),
        TEMPERATURE: water,
        FLOW_SETPOINT: water,
        OUTDOOR: PlausibleRange(low=-60.0, high=60.0),
    }


def _out_of_reach(settings: HeatPumpSettings, abilities: Mapping[str, Ability]) -> dict[str, str]:
    written = {name for name, ability in abilities.items() if ability.can_write}
    why = {}
    if obstacle := _why_not_filled(settings, abilities.keys(), written):
        why["frbc"] = obstacle
    if MODE not in written and not written.issuperset(RELAYS):
        why["ombc"] = f"there is no {MODE} to write, nor {' and '.join(RELAYS)}"
    elif settings.power_normal_w is None and "power" not in abilities:
        why["ombc"] = "nobody says its power_normal"
    if LIMIT not in written:
        why["pebc"] = f"there is no {LIMIT} to write"
    elif not (settings.cap_w or settings.power_w):
        why["pebc"] = "nobody says its power"
    return why


def _awaits(settings: HeatPumpSettings, abilities: Mapping[str, Ability]) -> dict[str, str]:
    seen = "was seen for an hour in all, as what it takes is not known before, unless its {} is written"
    awaited = {}
    if settings.power_w is None:
        awaited["frbc"] = f"its heating {seen.format('`power`')}"
    if settings.power_normal_w is None:
        awaited["ombc"] = f"its normal state {seen.format('`power_normal`')}"
    out_of_reach = _out_of_reach(settings, abilities)
    return {short: what for short, what in awaited.items() if short not in out_of_reach}


def _why_not_filled(settings: HeatPumpSettings, known: Collection[str], written: Collection[str]) -> str | None:
    """What keeps it from heating a storage by plan."""
    if settings.storage == "building":
        return "a building is no storage that can be filled by plan"
    if settings.heat_capacity_j_per_k is None:
        return "nobody says the volume, or the heat_capacity, of its storage"
    if settings.band_k is None:
        return "nobody says how warm its storage is kept (comfort)"
    if settings.curve_k and FLOW_SETPOINT not in known:
        return f"the {FLOW_SETPOINT}, which its comfort follows, is not read"
    if TEMPERATURE not in known:
        return "the temperature of its storage is not read"
    heats = heated_by(settings)
    if not any(point in written for point in heats):
        return f"there is nothing to write that makes it heat and rest: {', '.join(heats)}"
    if not any(point in known for point in SHOWS_BY):
        return f"nothing tells whether it heats: {', '.join(SHOWS_BY)}"
    if settings.cop is None:
        return "nobody says its cop"
    return None if settings.power_w or "power" in known else "nobody says its power"


def _shows_within_s(abilities: Mapping[str, Ability]) -> float:
    """By SG-Ready contacts it does something else only when it has looked at them for a while."""
    is_by_contacts = any(abilities[point].can_write for point in (MODE, *RELAYS) if point in abilities)
    return 60.0 if is_by_contacts else 10.0


KIND = Kind(
    name="heat_pump",
    settings=HeatPumpSettings,
    points={
        "power": CanonicalPoint("read", "power", "power now"),
        **PHASE_POWERS,
        TEMPERATURE: CanonicalPoint("read", "temperature", "temperature of what it heats, as `storage` says"),
        OUTDOOR: CanonicalPoint("read", "temperature", "temperature outdoors"),
        FLOW_SETPOINT: CanonicalPoint("read", "temperature", "what the heating water is to be"),
        "compressor": CanonicalPoint("read", "", "whether its compressor runs", is_switch=True),
        "status": CanonicalPoint(
            "read",
            "",
            "`off`, `rest`, `heat`, `hot_water`, `defrost`, `legionella`, `alarm`, `cool` or `holiday`",
        ),
        "sg_state": CanonicalPoint("read", "", "its SG-Ready state, 1 to 4"),
        HEAT_NOW: CanonicalPoint("read", "", "whether its owner wants it to heat now", is_switch=True),
        "energy": CanonicalPoint("read", "energy", "energy it has taken"),
        "fault": CanonicalPoint("read", "", "anything but 0, false or `ok` is a fault"),
        MODE: CanonicalPoint("write", "", "its SG-Ready state: `off`, `normal`, `boost` or `forced`"),
        "relay_1": CanonicalPoint("write", "", "its first SG-Ready contact, which blocks", is_switch=True),
        "relay_2": CanonicalPoint("write", "", "its second SG-Ready contact, which recommends", is_switch=True),
        SETPOINT: CanonicalPoint("write", "temperature", "how warm its storage shall be"),
        LIMIT: CanonicalPoint("write", "power", "most it may take"),
        OFFER: CanonicalPoint("write", "power", "power it is invited to take"),
        ON: CanonicalPoint("write", "", "whether it may run: its enable contact, never its supply", is_switch=True),
    },
    needs=(((MODE,), RELAYS, (SETPOINT,), (LIMIT,), (OFFER,), (ON,), ("power",)),),
    control_types=short_names(OFFERS),
    steered_by=_steered_by,
    safe=_safe,
    thresholds=_thresholds,
    reach=_reach,
    plausible=_plausible,
    states={MODE: (NORMAL, BOOST, BLOCKED)},
    shows={"status": ("off", "rest", "heat", "hot_water", "defrost", "legionella", "alarm", "cool", "holiday")},
    hold_s={Occasion.CEM_LOST: 600.0, Occasion.STARTED: 600.0},
    resource=heat_pump,
    shows_within_s=_shows_within_s,
    out_of_reach=_out_of_reach,
    awaits=_awaits,
    advice=advice,
)
