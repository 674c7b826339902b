"""Time zones by name, as the IANA database has them: that of the host, and which it knows."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

_LOCALTIME = Path("/etc/localtime")
_TIMEZONE = Path("/etc/timezone")
_DATABASE = "/zoneinfo/"
"""What stands before the name in a path into the database."""


def zone_of_host(
    localtime: Path = _LOCALTIME, timezone: Path = _TIMEZONE, environment: Mapping[str, str] = os.environ
) -> str:
    """The zone by which this machine tells the time to people; "UTC" where nothing says.

    Source: localtime(5), a link into the database, whose name is kept as it stands there; tzset(3), TZ; and
    /etc/timezone of Debian, for where the former is no link.
    """
    if (named := environment.get("TZ", "").removeprefix(":")) and is_known(named):
        return named
    try:
        _, is_database, name = os.readlink(localtime).partition(_DATABASE)
        if is_database:
            return name
    except OSError:
        pass  # no link, or none at all
    try:
        name = timezone.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return "UTC"
    return name if is_known(name) else "UTC"


def is_known(name: str) -> bool:
    """Whether this machine has a zone of that *name*."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def known_zones() -> Collection[str]:
    """The names of all that this machine has; none where the database is not installed."""
    from zoneinfo import available_timezones

    return available_timezones()
