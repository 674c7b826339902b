"""The URL of a CEM: what may be shown of it, to whom it would tell a secret, and whether its host can be one."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

_HIDDEN = "***"
_SECRET = re.compile("token|key|secret|pass|pwd|auth|sig|cred", re.IGNORECASE)


def shown_url(url: str) -> str:
    """*url* as it may be shown to anybody: without user and password, and without the values of its query."""
    place, mark, query = url.partition("?")
    place = re.sub(r"//.*@", f"//{_HIDDEN}@", place)
    return place + mark + "&".join(_shown_parameter(each) for each in query.split("&")) if mark else place


def _shown_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not equals:
        return _HIDDEN if name else ""
    return parameter if re.fullmatch(r"\{\w+\}", value) else f"{name}={_HIDDEN}"


def holds_secret(url: str) -> bool:
    """Whether *url* itself says who we are: by user and password, or by something of that name in its query."""
    place, _, query = url.partition("?")
    names = [each.partition("=")[0] for each in query.split("&") if shown_url(f"?{each}") != f"?{each}"]
    return shown_url(place) != place or any(_SECRET.search(name) for name in names)


def can_be_looked_up(host: str) -> bool:
    """Whether there is a *host*, and may be one of that name. Raises: ValueError: there can be none.

    Spec: RFC 1035, section 2.3.4 (labels); RFC 3490 (letters beyond ASCII).
    """
    if not host.isascii():  # who writes none needs none of the tables, which take 0.9 MB
        return bool(host.encode("idna"))
    if host and not all(0 < len(label) < 64 for label in host.removesuffix(".").split(".")):
        raise ValueError(f"{host} has a label that is empty or too long")
    return bool(host)


def is_overheard(url: str) -> bool:
    """Whether what is told to *url* can be read on the way: it leaves this machine, and not encrypted."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        is_here = ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        is_here = host == "localhost" or host.endswith(".localhost")
    return parts.scheme == "ws" and not is_here
