"""One realistic message of every type, and a few that are as long as they get."""

from datetime import UTC, datetime

from s2d.s2.messages import wire
from s2d.s2.messages.common import Tagged

from .battery import common_samples, frbc_samples, long_description, power_forecast, usage_forecast
from .modes import ddbc_samples, ombc_samples
from .power import pebc_samples, ppbc_samples

HOURS = 24
"""A forecast of a day, by the hour."""
QUARTERS = 96
"""A forecast of a day, by the quarter of an hour."""


def samples(version: str = wire.VERSIONS[0]) -> dict[str, Tagged]:
    """Message type → a message as *version* has it."""
    now = datetime.now(UTC)
    found = [
        *common_samples(now, HOURS),
        *frbc_samples(now, HOURS),
        *pebc_samples(now, HOURS),
        *ppbc_samples(now),
        *ombc_samples(now),
        *ddbc_samples(now, HOURS, version),
    ]
    return {wire.name_of(type(message)): message for message in found}


def long_samples() -> dict[str, Tagged]:
    """What it is → a message of 10 to 30 kB, of the types that have limits of their own."""
    now = datetime.now(UTC)
    return {
        f"PowerForecast of {QUARTERS} elements": power_forecast(now, QUARTERS),
        f"FRBC.UsageForecast of {QUARTERS} elements": usage_forecast(now, QUARTERS),
        "FRBC.SystemDescription": long_description(now),
    }
