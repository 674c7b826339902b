"""The running daemon, if there is one: it may want the same device, and many serve one client only."""

from pathlib import Path

from ..host import lock


def conflict_warning(place: str, state_dir: Path) -> str:
    """A warning that the daemon at work with *state_dir* may get in the way at *place*; empty if there is none."""
    try:
        holder = lock.holder_of(state_dir)
    except OSError as exc:
        return f"whether s2d run is at work here cannot be told: {state_dir / lock.LOCK}: {exc.strerror}"
    if not holder:
        return ""
    return (
        f"s2d run is at work here ({holder}). It may write something else at any time, and if {place} "
        "serves one client only, one of the two is turned away; better stop it first: systemctl stop s2d"
    )
