"""The kind `meter`: its points and settings; it is only measured."""

from collections.abc import Collection, Iterator, Mapping

from ....values import PlausibleRange, Value
from ...control.reporting import ReportThresholds
from ...occasion import Occasion
from .. import Ability, Advice, CanonicalPoint, Kind, ResourceSetup
from ..power_points import PHASE_POWERS, of_all_powers
from .meter import GAS, Meter
from .settings import MeterSettings

__all__ = ["KIND", "Meter", "MeterSettings", "meter"]

_MOST_POWER_W = 100_000.0
"""No connection of a home takes or gives more, where no nameplate tells."""
_OVER_NAMEPLATE = 1.5
_REPORT_W = 20.0
"""A change of so much is worth telling."""


def meter(setup: ResourceSetup) -> Meter:
    """The model of one meter."""
    return Meter(setup)


def _steered_by(points: Collection[str], commands: Collection[str]) -> tuple[str, ...]:
    return ()


def _safe(settings: MeterSettings, steered_by: Collection[str]) -> dict[str, Value]:
    return {}


def _reach(settings: MeterSettings) -> dict[str, tuple[float, float]]:
    return {}


def _thresholds(
    settings: MeterSettings, power_w: float | None, percent: float | None, every_s: float
) -> ReportThresholds:
    return ReportThresholds(_REPORT_W if power_w is None else power_w, 0.0, every_s)


def _plausible(settings: MeterSettings, nameplate_w: float | None) -> dict[str, PlausibleRange]:
    most_w = _OVER_NAMEPLATE * nameplate_w if nameplate_w else _MOST_POWER_W
    power = PlausibleRange(low=-most_w, high=most_w)
    return of_all_powers(power)


def _called(settings: MeterSettings, name: str) -> str:
    """A CEM that sums up resources would count twice what flows through the connection, unless it is told."""
    is_said = settings.measures != "grid" or "connection" in name.lower()
    return name if is_said else f"{name} (connection)"


def _advice(settings: MeterSettings, abilities: Mapping[str, Ability]) -> Iterator[Advice]:
    if settings.measures == "grid":
        what = "a CEM that sums up its resources counts what flows through the connection twice"
        yield Advice(("measures",), what, "Leave the kind out if that is not wanted; other devices may use its points")


KIND = Kind(
    name="meter",
    settings=MeterSettings,
    points={
        "power": CanonicalPoint("read", "power", "power now; what is taken from the grid positive"),
        **PHASE_POWERS,
        "current_l1": CanonicalPoint("read", "current", "current on phase 1, signed as the power is"),
        "current_l2": CanonicalPoint("read", "current", "current on phase 2"),
        "current_l3": CanonicalPoint("read", "current", "current on phase 3"),
        "voltage_l1": CanonicalPoint("read", "voltage", "voltage of phase 1"),
        "voltage_l2": CanonicalPoint("read", "voltage", "voltage of phase 2"),
        "voltage_l3": CanonicalPoint("read", "voltage", "voltage of phase 3"),
        "energy_import": CanonicalPoint("read", "energy", "energy it has counted that was taken"),
        "energy_export": CanonicalPoint("read", "energy", "energy it has counted that was given"),
        GAS: CanonicalPoint("read", "volume", "gas it has counted"),
        "heat_power": CanonicalPoint("read", "power", "thermal power now"),
        "heat_flow": CanonicalPoint("read", "flow", "flow of the heating water"),
        "heat_temperature": CanonicalPoint("read", "temperature", "temperature of the heating water"),
    },
    needs=(
        (
            ("power",),
            ("power_l1", "power_l2", "power_l3"),
            (GAS,),
            ("heat_power",),
            ("heat_flow",),
            ("heat_temperature",),
        ),
    ),
    control_types=(),
    steered_by=_steered_by,
    safe=_safe,
    thresholds=_thresholds,
    reach=_reach,
    plausible=_plausible,
    states={},
    shows={},
    hold_s={Occasion.CEM_LOST: 60.0},
    resource=meter,
    advice=_advice,
    called=_called,
)
