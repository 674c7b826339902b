"""The kind `load`: its points, its settings, and the control types that it can offer."""

from collections.abc import Collection, Iterator, Mapping

from ....s2.messages.common import ControlType
from ....values import PlausibleRange, Value
from ...control.offers import Offer, offer_frbc, offer_ombc, offer_pebc
from ...control.reporting import ReportThresholds
from ...occasion import Occasion
from .. import Ability, Advice, CanonicalPoint, Kind, ResourceSetup, short_names
from ..heated_storage import HeatedStorage
from ..heating import HEAT_NOW, LIMIT, TEMPERATURE
from ..later_start import ON
from ..power_points import PHASE_POWERS, of_all_powers
from ..storage_advice import storage_advice
from .envelopes import LoadEnvelopes
from .load import SEEN_ON, Load
from .running_power import MEAN_OVER_S
from .settings import LoadSettings
from .switch import LoadSwitch

__all__ = ["KIND", "Load", "LoadSettings", "load"]


def _heated(load: Load) -> HeatedStorage:
    return HeatedStorage(load.boiler)


OFFERS: dict[ControlType, Offer[Load]] = {
    ControlType.FILL_RATE_BASED_CONTROL: offer_frbc(_heated),
    ControlType.OPERATION_MODE_BASED_CONTROL: offer_ombc(LoadSwitch),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: offer_pebc(LoadEnvelopes),
}
"""What it can offer, richest first, and what makes of its model what each asks for."""
_MOST_POWER_W = 100_000.0
"""No load of a home takes more, where nobody tells."""
_OVER_NAMEPLATE = 1.5
_OVER_SAID = 3.0
"""A motor that starts takes a multiple of its power for a moment."""
_GIVES_W = 100.0
"""Meters of plugs show so little the wrong way round."""
_REPORT_W, _REPORT = 10.0, 0.02
"""A change of so much, or this share of what it takes, is worth telling."""


def load(setup: ResourceSetup) -> Load:
    """The model of one load."""
    return Load(setup, OFFERS)


def _most_w(settings: LoadSettings) -> float | None:
    return None if settings.power_w is None else settings.power_w[1]


def _least_w(settings: LoadSettings) -> float | None:
    """What it takes at least while it runs; one that is said to take nothing as well takes all it can."""
    return None if settings.power_w is None else settings.power_w[0] or settings.power_w[1]


def _steered_by(points: Collection[str], commands: Collection[str]) -> tuple[str, ...]:
    """A limit says more than a switch; beside it a switch is its own."""
    named = {*points, *commands}
    return (LIMIT,) if LIMIT in named else (ON,) if ON in named else ()


def _safe(settings: LoadSettings, steered_by: Collection[str]) -> dict[str, Value]:
    """It is off, or takes nothing; what has a thermostat of its own is left to that."""
    is_left = settings.thermostat is True
    most: dict[str, Value] = {ON: is_left, LIMIT: (_most_w(settings) or 0.0) if is_left else 0.0}
    return {point: most[point] for point in steered_by}


def _may_be_released(settings: LoadSettings) -> bool:
    return settings.thermostat is True


def _reach(settings: LoadSettings) -> dict[str, tuple[float, float]]:
    most_w = _most_w(settings)
    return {} if most_w is None else {LIMIT: (0.0, most_w)}


def _thresholds(
    settings: LoadSettings, power_w: float | None, percent: float | None, every_s: float
) -> ReportThresholds:
    usual_w = max(_REPORT_W, _REPORT * (_most_w(settings) or 0.0))
    storage = settings.thermal_storage
    fill_level = 0.0 if storage is None else storage.reported_step(storage.high_c - storage.low_c, percent)
    return ReportThresholds(usual_w if power_w is None else power_w, fill_level, every_s)


def _plausible(settings: LoadSettings, nameplate_w: float | None) -> dict[str, PlausibleRange]:
    most_w = _OVER_NAMEPLATE * nameplate_w if nameplate_w else _MOST_POWER_W
    said_w = _most_w(settings)
    usual_w = most_w if said_w is None else _OVER_SAID * said_w
    power = PlausibleRange(low=0.0, high=max(most_w, usual_w), margin=_GIVES_W, usual_high=usual_w)
    water = {TEMPERATURE: PlausibleRange(low=-30.0, high=120.0)} if settings.thermal_storage else {}
    return {**of_all_powers(power), **water}


def _advice(settings: LoadSettings, abilities: Mapping[str, Ability]) -> Iterator[Advice]:
    if LIMIT in abilities and abilities[LIMIT].can_write and settings.power_w is None:
        yield Advice(("points",), "it can be limited, but nobody says how much it takes", "Write its `power`")
    elif ON in abilities and settings.power_w is None and "power" not in abilities:
        what = "it can be switched, but nobody says what it takes"
        yield Advice(("points",), what, "Write its `power`, or add a point that measures it")
    if TEMPERATURE in abilities and settings.thermostat is None:
        what = "what heats water has a thermostat of its own, or somebody has to switch it off"
        yield Advice(("points", "temperature"), what, "Write `thermostat: true`, or `false`")
    if ON in abilities and settings.thermostat is False and TEMPERATURE not in abilities:
        what = "without a thermostat it is only on while its temperature is known, and that is not read"
        yield Advice(("thermostat",), what, "Add a point `temperature`, or write `thermostat: true` if it has one")
    if "frbc" not in _out_of_reach(settings, abilities) and (least_w := _least_w(settings)):
        run_s, shorten = float(settings.timers.on_s), "shorten `timers: on`"
        band_k = settings.band_c[1] - settings.band_c[0]
        yield from storage_advice(settings, band_k, "comfort", power_w=least_w, cop=1.0, run_s=run_s, shorten=shorten)


def _out_of_reach(settings: LoadSettings, abilities: Mapping[str, Ability]) -> dict[str, str]:
    written = {name for name, ability in abilities.items() if ability.can_write}
    no_water, no_power = _why_not_filled(settings, abilities), _why_no_power(settings, abilities)
    no_way = f"there is no {ON} to write, nor a {LIMIT}" if written.isdisjoint((ON, LIMIT)) else None
    why = {"frbc": no_water or no_way or no_power}
    if LIMIT in written:
        by_us = "nobody else switches it off when it is warm (thermostat: true)"
        is_filled = why["frbc"] is None and not settings.thermostat
        why |= {"ombc": f"it is steered by its {LIMIT}", "pebc": by_us if is_filled else no_power}
    else:
        why |= {"ombc": no_power if ON in written else f"there is no {ON} to write"}
        why |= {"pebc": f"there is no {LIMIT} to write"}
    return {short: obstacle for short, obstacle in why.items() if obstacle}


def _awaits(settings: LoadSettings, abilities: Mapping[str, Ability]) -> dict[str, str]:
    if settings.power_w:
        return {}
    seen = f"it was on for {MEAN_OVER_S:g} s, as what it takes is not known before, unless its `power` is written"
    out_of_reach = _out_of_reach(settings, abilities)
    return {each: seen for each in ("frbc", "ombc") if each not in out_of_reach}


def _why_no_power(settings: LoadSettings, abilities: Mapping[str, Ability]) -> str | None:
    """Why it is unknown what it takes; None: that is said, or seen while it is switched."""
    is_limited = LIMIT in abilities and abilities[LIMIT].can_write
    is_seen = not is_limited and "power" in abilities and abilities["power"].can_read
    return None if settings.power_w or is_seen else "nobody says its power"


def _why_not_filled(settings: LoadSettings, abilities: Mapping[str, Ability]) -> str | None:
    """What keeps it from heating water by plan, as far as that is known of the water."""
    if settings.heat_capacity_j_per_k is None:
        return "nobody says the volume, or the heat_capacity, of water in it"
    is_read = TEMPERATURE in abilities and abilities[TEMPERATURE].can_read
    return None if is_read else f"the {TEMPERATURE} of its water is not read"


KIND = Kind(
    name="load",
    settings=LoadSettings,
    points={
        "power": CanonicalPoint("read", "power", "power now"),
        **PHASE_POWERS,
        "energy": CanonicalPoint("read", "energy", "energy it has taken"),
        TEMPERATURE: CanonicalPoint("read", "temperature", "temperature of what it heats"),
        HEAT_NOW: CanonicalPoint("read", "", "whether its owner wants its water heated now", is_switch=True),
        SEEN_ON: CanonicalPoint("read", "", "whether it is on, where that is another point than `on`", is_switch=True),
        "fault": CanonicalPoint("read", "", "anything but 0, false or `ok` is a fault"),
        ON: CanonicalPoint("write", "", "whether it shall be on", is_switch=True),
        LIMIT: CanonicalPoint("write", "power", "most it may take; 0 stops it"),
    },
    needs=((("power",), (ON,), (LIMIT,)),),
    control_types=short_names(OFFERS),
    steered_by=_steered_by,
    safe=_safe,
    thresholds=_thresholds,
    reach=_reach,
    plausible=_plausible,
    states={},
    shows={},
    hold_s={Occasion.CEM_LOST: 300.0, Occasion.STARTED: 300.0, Occasion.CLOCK: 1800.0},
    resource=load,
    may_be_released=_may_be_released,
    advice=_advice,
    out_of_reach=_out_of_reach,
    awaits=_awaits,
)
