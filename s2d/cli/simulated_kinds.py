"""The kinds of simulated devices: what is said of each on the command line, and the hardware that comes of it."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..quantities import (
    Current,
    Duration,
    Energy,
    Percentage,
    PercentageRange,
    Power,
    Temperature,
    TemperatureRange,
    Volume,
)
from ..simulation.battery import SimulatedBattery
from ..simulation.boiler import SimulatedBoiler
from ..simulation.car import SimulatedCar
from ..simulation.draws import HotWaterDraws
from ..simulation.ev_charger import SimulatedEvCharger
from ..simulation.faults import NIGHT_OFFLINE
from ..simulation.hardware import SimulatedHardware
from ..simulation.heat_pump import SimulatedHeatPump
from ..simulation.heating import HeatingCircuit
from ..simulation.household import Household
from ..simulation.inverter import SimulatedInverter
from ..simulation.load import SimulatedLoad
from ..simulation.meter import SimulatedMeter
from ..simulation.outdoor import OutdoorTemperature
from ..simulation.registers import register_table
from ..simulation.sun import NOON_S, Sun
from ..simulation.tank import Tank
from ..simulation.timetable import Timetable
from . import argument_of


class SimulatedKind(NamedTuple):
    """A kind of simulated devices."""

    what: str
    """With its article."""
    add_arguments: Callable[[ArgumentParser], None]
    """Has the parser know what can be said of such a device."""
    hardware: Callable[[Namespace], SimulatedHardware]
    """Made of what was said; raises ValueError where that cannot be true."""
    sun: Callable[[Namespace], Sun] = lambda arguments: Sun(0.0)
    """What is on the roof beside it."""
    faults: Mapping[str, str] = {}
    """Its own, each with its effect in a sentence."""
    epilog: str = ""
    """What there is to say below its options."""


def _add_battery_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--capacity", type=argument_of(Energy.parse), default=Energy(10_000), help='default: "10 kWh"')
    parser.add_argument(
        "--max-charge-power", type=argument_of(Power.parse), default=Power(5000), help='default: "5 kW"'
    )
    parser.add_argument(
        "--max-discharge-power", type=argument_of(Power.parse), default=Power(5000), help='default: "5 kW"'
    )
    parser.add_argument(
        "--round-trip-efficiency",
        type=argument_of(Percentage.parse),
        default=Percentage(92),
        help='default: "92 %%"',
    )
    parser.add_argument(
        "--usable-range",
        type=argument_of(PercentageRange.parse),
        default=PercentageRange((0.0, 100.0)),
        help='default: "0 %% .. 100 %%"',
    )
    parser.add_argument("--soc", type=float, default=50.0, metavar="PERCENT", help="at the start (default: 50)")
    parser.add_argument("--ramp", type=float, default=2500.0, metavar="W_PER_S", help="default: 2500")
    parser.add_argument(
        "--watchdog",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="a setpoint not rewritten for so long lapses to 0; 0: never (default: 60); profiles have their own",
    )
    add_serial_number_argument(parser)
    add_sun_arguments(parser, Power(3000), "on a hybrid, at most")


def _battery(arguments: Namespace) -> SimulatedBattery:
    return SimulatedBattery(
        capacity_wh=arguments.capacity,
        max_charge_power_w=arguments.max_charge_power,
        max_discharge_power_w=arguments.max_discharge_power,
        round_trip_efficiency=arguments.round_trip_efficiency / 100,
        usable_range_percent=arguments.usable_range,
        soc_percent=arguments.soc,
        ramp_w_per_s=arguments.ramp,
        watchdog_s=0.0 if arguments.profile else arguments.watchdog,
        serial_number=arguments.serial_number,
    )


def _add_inverter_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--max-power", type=argument_of(Power.parse), default=Power(5000), help='built for (default: "5 kW")'
    )
    parser.add_argument(
        "--installer-limit",
        type=argument_of(Power.parse),
        metavar="POWER",
        help="stands in its register before anybody writes (default: none)",
    )
    parser.add_argument("--phases", type=int, choices=(1, 3), default=3, help="default: 3")
    parser.add_argument(
        "--ramp", type=float, default=10.0, metavar="PERCENT_PER_S", help="of a change of the limit (default: 10)"
    )
    add_serial_number_argument(parser)
    add_sun_arguments(parser, Power(5000), "at most")


def _inverter(arguments: Namespace) -> SimulatedInverter:
    return SimulatedInverter(
        sun_of(arguments),
        max_power_w=arguments.max_power,
        installed_limit_w=arguments.installer_limit,
        phases=arguments.phases,
        ramp_percent_per_s=arguments.ramp,
        serial_number=arguments.serial_number,
    )


def _add_meter_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--household", type=int, default=1, metavar="SEED", help="which one uses (default: 1)")
    parser.add_argument("--phases", type=int, choices=(1, 3), default=3, help="default: 3")
    add_serial_number_argument(parser)
    add_sun_arguments(parser, Power(3000), "on its roof, at most")


def _meter(arguments: Namespace) -> SimulatedMeter:
    return SimulatedMeter(
        Household(arguments.household, arguments.time),
        sun_of(arguments),
        phases=arguments.phases,
        seed=arguments.household,
        serial_number=arguments.serial_number,
    )


def _add_ev_charger_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--max-current", type=argument_of(Current.parse), default=Current(16), help='default: "16 A"')
    parser.add_argument(
        "--safe-current", type=argument_of(Current.parse), default=Current(6), help='without a word (default: "6 A")'
    )
    parser.add_argument(
        "--heartbeat",
        type=argument_of(Duration.parse),
        default=Duration(0),
        help='so long after the last word; "0 s": never (default: "0 s")',
    )
    parser.add_argument("--phases", type=int, choices=(1, 3), default=3, help="default: 3")
    parser.add_argument("--card", action="store_true", help="it wants a card for each car")
    parser.add_argument("--bounces", action="store_true", help="just after a car was plugged in its pilot drops twice")
    parser.add_argument(
        "--car-capacity", type=argument_of(Energy.parse), default=Energy(60_000), help='default: "60 kWh"'
    )
    parser.add_argument("--car-phases", type=int, choices=(1, 2, 3), default=3, help="default: 3")
    parser.add_argument(
        "--car-current", type=argument_of(Current.parse), default=Current(16), help='at most (default: "16 A")'
    )
    parser.add_argument("--soc", type=float, default=40.0, metavar="PERCENT", help="at the start (default: 40)")
    parser.add_argument(
        "--sleeps-after",
        type=argument_of(Duration.parse),
        default=Duration(1800),
        help='its car, without a current (default: "30 min")',
    )
    parser.add_argument("--refuses", action="store_true", help="its owner has forbidden to charge")
    parser.add_argument(
        "--timetable", type=int, metavar="SEED", help="its car comes and leaves as these weeks go (default: it stays)"
    )
    add_serial_number_argument(parser)
    add_time_argument(parser)


def _ev_charger(arguments: Namespace) -> SimulatedEvCharger:
    car = SimulatedCar(
        battery_capacity_wh=arguments.car_capacity,
        soc_percent=arguments.soc,
        phases=arguments.car_phases,
        max_current_a=arguments.car_current,
        sleeps_after_s=arguments.sleeps_after,
        refuses=arguments.refuses,
    )
    charger = SimulatedEvCharger(
        car,
        max_current_a=arguments.max_current,
        safe_current_a=arguments.safe_current,
        heartbeat_s=arguments.heartbeat,
        phases=arguments.phases,
        needs_authorisation=arguments.card,
        bounces=arguments.bounces,
        timetable=None if arguments.timetable is None else Timetable(arguments.timetable),
        time_of_day_s=arguments.time,
        serial_number=arguments.serial_number,
    )
    if arguments.timetable is None:
        charger.plug_in(0.0)
    return charger


def _add_heat_pump_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--least-power", type=argument_of(Power.parse), default=Power(500), help='default: "500 W"')
    parser.add_argument("--most-power", type=argument_of(Power.parse), default=Power(2000), help='default: "2 kW"')
    parser.add_argument("--rod-power", type=argument_of(Power.parse), default=Power(3000), help='default: "3 kW"')
    parser.add_argument(
        "--rod-when-ordered", action="store_true", help="the heater rod helps in the state 4 of SG-Ready"
    )
    parser.add_argument("--cap-stops", action="store_true", help="a cap below its least power stops it")
    _add_tank_arguments(parser, Volume(200), Temperature(50))
    parser.add_argument(
        "--setpoint", type=argument_of(Temperature.parse), default=Temperature(50), help='its own (default: "50 °C")'
    )
    parser.add_argument(
        "--outdoor",
        type=argument_of(TemperatureRange.parse),
        default=TemperatureRange((-2.0, 6.0)),
        help='over a day (default: "-2 °C .. 6 °C")',
    )
    parser.add_argument(
        "--house", type=float, default=150.0, metavar="W_PER_K", help="what the house loses (default: 150)"
    )
    add_serial_number_argument(parser)
    add_time_argument(parser)


def _heat_pump(arguments: Namespace) -> SimulatedHeatPump:
    return SimulatedHeatPump(
        tank=_tank(arguments),
        heating=HeatingCircuit(loss_w_per_k=arguments.house),
        outdoor=OutdoorTemperature(*arguments.outdoor),
        draws=_draws(arguments),
        least_power_w=arguments.least_power,
        most_power_w=arguments.most_power,
        rod_power_w=arguments.rod_power,
        hot_water_c=arguments.setpoint,
        rod_when_ordered=arguments.rod_when_ordered,
        cap_stops=arguments.cap_stops,
        time_of_day_s=arguments.time,
        serial_number=arguments.serial_number,
    )


_OF_BOILERS = {
    "tank": Volume(120),
    "temperature": Temperature(55),
    "layers": 1,
    "draws": Energy(5845),
    "household": 1,
    "thermostat": Temperature(60),
    "no_cut_out": False,
}
"""What is said of a boiler alone → what it is by default."""


def _add_load_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--power", type=argument_of(Power.parse), default=Power(2000), help='default: "2 kW"')
    parser.add_argument("--modulates", action="store_true", help="it takes no more than its limit, in whole watts")
    parser.add_argument("--on", action="store_true", help="at the start")
    parser.add_argument("--boiler", action="store_true", help="it heats a tank of hot water")
    _add_tank_arguments(parser, Volume(120), Temperature(55), "of a boiler, ")
    parser.add_argument(
        "--thermostat",
        type=argument_of(_thermostat),
        default=Temperature(60),
        help='of a boiler; none: it has none (default: "60 °C")',
    )
    parser.add_argument("--no-cut-out", action="store_true", help="of a boiler, it has none and may boil")
    add_serial_number_argument(parser)
    add_time_argument(parser)


def _load(arguments: Namespace) -> SimulatedLoad | SimulatedBoiler:
    if not arguments.boiler:
        for name, default in _OF_BOILERS.items():
            if vars(arguments)[name] != default:
                raise ValueError(f"--{name.replace('_', '-')} is said of boilers only: say --boiler too")
        return SimulatedLoad(
            arguments.power,
            least_power_w=0.0 if arguments.modulates else arguments.power,
            is_on=arguments.on,
            serial_number=arguments.serial_number,
        )
    return SimulatedBoiler(
        tank=_tank(arguments),
        draws=_draws(arguments),
        element_w=arguments.power,
        is_modulating=arguments.modulates,
        thermostat_c=arguments.thermostat,
        has_cut_out=not arguments.no_cut_out,
        is_on=arguments.on,
        time_of_day_s=arguments.time,
        serial_number=arguments.serial_number,
    )


def _add_tank_arguments(parser: ArgumentParser, volume: Volume, temperature: Temperature, of: str = "") -> None:
    parser.add_argument(
        "--tank", type=argument_of(Volume.parse), default=volume, help=f'{of}how large it is (default: "{volume:g} l")'
    )
    parser.add_argument(
        "--temperature",
        type=argument_of(Temperature.parse),
        default=temperature,
        help=f'{of}at the start (default: "{temperature:g} °C")',
    )
    parser.add_argument(
        "--layers", type=int, default=1, help=f"{of}2: cold water stays below hot (default: 1, always mixed)"
    )
    parser.add_argument(
        "--draws",
        type=argument_of(Energy.parse),
        default=Energy(5845),
        help=f'{of}what is used of it in a day (default: "5.845 kWh")',
    )
    parser.add_argument("--household", type=int, default=1, metavar="SEED", help=f"{of}who uses it (default: 1)")


def _tank(arguments: Namespace) -> Tank:
    return Tank(arguments.tank, arguments.temperature, layers=arguments.layers)


def _draws(arguments: Namespace) -> HotWaterDraws:
    return HotWaterDraws(arguments.draws / 1000, arguments.household)


def _thermostat(written: object) -> Temperature | None:
    return None if written == "none" else Temperature.parse(written)


def add_serial_number_argument(parser: ArgumentParser) -> None:
    """Has *parser* know `--serial-number`."""
    parser.add_argument("--serial-number", default="S2D-SIM-0001", help="default: %(default)s")


def add_sun_arguments(parser: ArgumentParser, peak: Power, which: str) -> None:
    """Has *parser* know of *which* sun it speaks: how strong it is, by default *peak*, its clouds, and the time."""
    parser.add_argument(
        "--sun", type=argument_of(Power.parse), default=peak, help=f'{which} (default: "{peak / 1000:g} kW")'
    )
    parser.add_argument("--clouds", type=int, default=1, metavar="SEED", help="which clouds come (default: 1)")
    add_time_argument(parser)


def add_time_argument(parser: ArgumentParser) -> None:
    """Has *parser* know `--time`, in seconds since midnight."""
    parser.add_argument(
        "--time",
        type=_time_of_day_s,
        default=NOON_S,
        metavar="HH:MM",
        help="time of day at the start (default: 12:00)",
    )


def sun_of(arguments: Namespace) -> Sun:
    """The sun that the *arguments* of `add_sun_arguments` speak of."""
    return Sun(arguments.sun, arguments.clouds, arguments.time)


def _time_of_day_s(written: str) -> float:
    hours, colon, minutes = written.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60):
        raise ArgumentTypeError(f"expected a time of day such as 07:30, got {written}")
    return int(hours) * 3600.0 + int(minutes) * 60.0


SIMULATED_KINDS = {
    "battery": SimulatedKind(
        "a home battery",
        _add_battery_arguments,
        _battery,
        sun_of,
        epilog=f"registers without --profile (16-bit words, read as holding or input registers; any other address is "
        f"exception 2):\n{register_table()}\n\n",
    ),
    "meter": SimulatedKind("an electricity meter at the connection of a house", _add_meter_arguments, _meter),
    "heat_pump": SimulatedKind(
        "a heat pump with a hot water tank, and a house that it heats", _add_heat_pump_arguments, _heat_pump
    ),
    "ev_charger": SimulatedKind("a charging station and an electric car", _add_ev_charger_arguments, _ev_charger),
    "load": SimulatedKind(
        "a plug with something behind it, a heater that modulates, or a boiler", _add_load_arguments, _load
    ),
    "pv": SimulatedKind(
        "a PV inverter under a sun with clouds",
        _add_inverter_arguments,
        _inverter,
        faults={NIGHT_OFFLINE: "it does not answer while it sleeps"},
    ),
}
"""What can be simulated, by the name of its kind.

Without a profile a battery has registers of its own; the others have those of the profile `simulated-` and their kind.
"""


def hardware_of(kind_name: str, *said: str, profile: str | None = None) -> SimulatedHardware:
    """The hardware that `s2d simulate KIND` makes of what is *said* behind it, for the registers of *profile*."""
    kind, parser = SIMULATED_KINDS[kind_name], ArgumentParser()
    kind.add_arguments(parser)
    parser.set_defaults(profile=profile)
    return kind.hardware(parser.parse_args(said))
