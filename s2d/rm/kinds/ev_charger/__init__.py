"""The kind `ev_charger`: a charging station, and the cars that come to it."""

from collections.abc import Collection, Iterator, Mapping

from ....s2.messages.common import ControlType
from ....values import PlausibleRange, Value
from ...control.offers import Offer, offer_frbc, offer_pebc
from ...control.reporting import ReportThresholds
from ...occasion import Occasion
from .. import Ability, Advice, CanonicalPoint, Kind, ResourceSetup, short_names
from .car import only_car
from .charge_limit import CURRENT, POWER, ChargeLimit
from .envelopes import EvEnvelopes
from .ev_charger import CHARGE_NOW, ENABLE, WAKE, EvCharger
from .phase_change import PHASE_COUNT
from .present_car import DEPARTURE
from .settings import EvChargerSettings
from .storage import EvStorage

__all__ = ["KIND", "EvCharger", "EvChargerSettings", "ev_charger"]

OFFERS: dict[ControlType, Offer[EvCharger]] = {
    ControlType.FILL_RATE_BASED_CONTROL: offer_frbc(EvStorage, rests_uninstructed=True),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: offer_pebc(EvEnvelopes),
}
"""What it can offer, richest first, and what makes of its model what each asks for."""
_OVER_ALLOWED = 1.5
"""What is measured of a charger is no further beyond the most that it may give."""
_MARGIN_W = 200.0
"""Meters that stand still show no nothing, and count backwards at times."""
_MARGIN_A = 1.0
_ONE_PHASE_A = 20.0
_PHASED = ("l1", "l2", "l3")


def ev_charger(setup: ResourceSetup) -> EvCharger:
    """The model of one charger."""
    return EvCharger(setup, OFFERS)


def _steered_by(points: Collection[str], commands: Collection[str]) -> tuple[str, ...]:
    """By a current, else by a power; beside it by whatever else it has."""
    named = {*points, *commands}
    limits = [point for point in (CURRENT, POWER) if point in named]
    return (*limits[:1], *(point for point in (ENABLE, PHASE_COUNT, WAKE) if point in named))


def _safe(settings: EvChargerSettings, steered_by: Collection[str]) -> dict[str, Value]:
    """It gives little: a car that comes home to nobody in charge is not stranded."""
    return {point: ChargeLimit(settings, point, None).safe() for point in steered_by if point in (CURRENT, POWER)}


def _thresholds(
    settings: EvChargerSettings, power_w: float | None, percent: float | None, every_s: float
) -> ReportThresholds:
    return ReportThresholds(
        settings.idle_below_w if power_w is None else power_w, 0.5 if percent is None else percent, every_s
    )


def _never(settings: EvChargerSettings) -> bool:
    """A charger that is left to itself may give all it has, whatever limit has failed."""
    return False


def _reach(settings: EvChargerSettings) -> dict[str, tuple[float, float]]:
    return {CURRENT: (0.0, float(settings.max_current_a)), POWER: (0.0, settings.most_power_w)}


def _plausible(settings: EvChargerSettings, nameplate_w: float | None) -> dict[str, PlausibleRange]:
    """A car gives nothing back."""
    most_w = _OVER_ALLOWED * max(nameplate_w or 0.0, settings.phases * settings.voltage_v * settings.max_current_a)
    power = PlausibleRange(low=0.0, high=max(most_w, 100_000.0), margin=_MARGIN_W, usual_high=most_w)
    current = PlausibleRange(low=0.0, high=500.0, margin=_MARGIN_A)
    soc = PlausibleRange(low=0.0, high=100.0, margin=1.0)
    return {
        **dict.fromkeys(("power", *(f"power_{phase}" for phase in _PHASED)), power),
        **dict.fromkeys(("vehicle_soc", "vehicle_soc_limit", "target_soc"), soc),
        **dict.fromkeys([f"current_{phase}" for phase in _PHASED], current),
    }


def _advice(settings: EvChargerSettings, abilities: Mapping[str, Ability]) -> Iterator[Advice]:
    """What an electrician should look at, and by what a car is not charged by plan."""
    has_capacity = any(car.battery_capacity_wh for car in settings.cars)
    has_departure = settings.departure is not None or DEPARTURE in abilities
    if has_departure and not has_capacity:
        what = "no car has a battery_capacity: only pebc can be offered"
        where = "cars" if settings.cars else DEPARTURE if settings.departure else "points"
        yield Advice((where,), what, "Say it of the cars that come")
    if has_capacity and not has_departure:
        yield Advice(("cars",), "no departure: only pebc can be offered", "Say when a car leaves")
    if has_capacity and "vehicle_soc" not in abilities and settings.arrival_soc is None:
        what = "nobody tells how full the car is: only pebc can be offered"
        yield Advice(("cars",), what, "Give it vehicle_soc, or an arrival_soc")
    only = only_car(settings.cars)
    if settings.phase_switching and only and not only.can_switch_phases:
        what = f'"{only.name}" takes no change of phases, so there is none'
        yield Advice(("phase_switching",), what, "Leave one of both out")
    one_phase = ("max_current", settings.max_current_a) if settings.phases == 1 else None
    if settings.phases == 3 and settings.phase_switching:
        one_phase = ("max_current_1p", settings.max_current_1p_a)
    if one_phase and one_phase[1] > _ONE_PHASE_A:
        key, most_a = one_phase
        what = f"{most_a:g} A on one phase is more than most grids allow a house to be out of balance"
        yield Advice((key,), what, f"Lower it to {_ONE_PHASE_A:g} A, or to what your grid's operator allows")
    safe_w = settings.phases * settings.voltage_v * settings.safe_a
    if settings.legal_limit_w is not None and safe_w > settings.legal_limit_w:
        what = f"{settings.safe_a:g} A when nobody is in charge are {safe_w:g} W, above legal_limit"
        yield Advice(("legal_limit",), what, "Lower safe_current, or ask your electrician")


def _out_of_reach(settings: EvChargerSettings, abilities: Mapping[str, Ability]) -> dict[str, str]:
    if settings.departure is None and DEPARTURE not in abilities:
        return {"frbc": "no departure, and a CEM that saves would never charge a car that has no time to leave"}
    if not any(car.battery_capacity_wh for car in settings.cars):
        return {"frbc": "no car has a battery_capacity"}
    if "vehicle_soc" not in abilities and settings.arrival_soc is None:
        return {"frbc": "nobody tells how full the car is"}
    return {}


def _awaits(settings: EvChargerSettings, abilities: Mapping[str, Ability]) -> dict[str, str]:
    if "frbc" in _out_of_reach(settings, abilities):
        return {}
    has_ids = any(car.id for car in settings.cars)
    return {"frbc": f"a car is there{' whose `car_id` is the `id` of one of its `cars`' if has_ids else ''}"}


def _by_phase(name: str, dimension: str, meaning: str) -> dict[str, CanonicalPoint]:
    return {f"{name}_{phase}": CanonicalPoint("read", dimension, f"{meaning} phase {phase[1]}") for phase in _PHASED}


def _comes_to_w(settings: EvChargerSettings, point: str, value: Value) -> float | None:
    if point != CURRENT or isinstance(value, str | bool):
        return None
    return settings.phases * settings.voltage_v * float(value)


def _shows_within_s(abilities: Mapping[str, Ability]) -> float:
    """A station tells its car, and that follows; as the documentation of S2 has it."""
    return 3.0


KIND = Kind(
    name="ev_charger",
    settings=EvChargerSettings,
    points={
        "status": CanonicalPoint("read", "", "A no car, B a car, C it charges, D as C, E error, F unavailable"),
        "power": CanonicalPoint("read", "power", "power now"),
        **_by_phase("power", "power", "power on"),
        **_by_phase("current", "current", "current on"),
        **_by_phase("voltage", "voltage", "voltage of"),
        "current_max": CanonicalPoint("read", "current", "most that it can give"),
        "current_offered": CanonicalPoint("read", "current", "what it lets the car take by now"),
        "car_id": CanonicalPoint("read", "", "which car it is: of a card, or of the car itself"),
        "requested_energy": CanonicalPoint("read", "energy", "energy that the car wants since it came"),
        "session_energy": CanonicalPoint("read", "energy", "energy since the car came"),
        "energy": CanonicalPoint("read", "energy", "energy since ever"),
        "vehicle_soc": CanonicalPoint("read", "percentage", "state of charge of the car"),
        "vehicle_soc_limit": CanonicalPoint("read", "percentage", "state of charge at which the car stops"),
        "target_soc": CanonicalPoint("read", "percentage", "state of charge with which it shall leave"),
        DEPARTURE: CanonicalPoint(
            "read",
            "duration",
            "when the car leaves: in how long, in seconds since 1970, or as text in ISO 8601",
            may_be_text=True,
        ),
        "authorised": CanonicalPoint("read", "", "whether the car may charge", is_switch=True),
        CHARGE_NOW: CanonicalPoint("read", "", "whether its owner wants the car charged now", is_switch=True),
        "fault": CanonicalPoint("read", "", "anything but 0, false or `ok` is a fault"),
        CURRENT: CanonicalPoint("write", "current", "most it may give on each phase; 0 stops it"),
        POWER: CanonicalPoint("write", "power", "most it may give; 0 stops it"),
        ENABLE: CanonicalPoint("write", "", "whether it may charge at all", is_switch=True),
        PHASE_COUNT: CanonicalPoint("write", "", "on how many phases it charges: 1 or 3"),
        WAKE: CanonicalPoint("write", "", "true wakes a car that sleeps", is_switch=True),
    },
    needs=(
        (("status",),),
        (("power",), ("current_l1",), ("power_l1",)),
        ((CURRENT,), (POWER,)),
    ),
    control_types=short_names(OFFERS),
    steered_by=_steered_by,
    safe=_safe,
    thresholds=_thresholds,
    reach=_reach,
    plausible=_plausible,
    states={},
    shows={"status": ("A", "B", "C", "D", "E", "F")},
    hold_s={Occasion.CEM_LOST: 60.0, Occasion.STARTED: 300.0, Occasion.CLOCK: 1800.0},
    resource=ev_charger,
    shows_within_s=_shows_within_s,
    comes_to_w=_comes_to_w,
    may_be_released=_never,
    advice=_advice,
    out_of_reach=_out_of_reach,
    awaits=_awaits,
)
