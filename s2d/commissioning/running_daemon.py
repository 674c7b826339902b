"""Whether the daemon is at work on this machine: it may want the same device, and many serve one client only."""

from pathlib import Path

PROC = Path("/proc")


def daemon_at_work(proc: Path = PROC) -> int | None:
    """The process id of an `s2d run` on this machine; None if there is none that can be seen.

    Spec: proc_pid_cmdline(5).
    """
    for path in proc.glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile, or somebody else's
        names = [word.rpartition(b"/")[2] for word in words]
        for at, name in enumerate(names[:-1]):
            is_s2d = name == b"s2d" or (name == b"__main__.py" and words[at].endswith(b"s2d/__main__.py"))
            if is_s2d and names[at + 1] == b"run":
                return int(path.parent.name)
    return None


def warning(place: str, pid: int | None) -> str:
    """What the daemon *pid* means for a visit to *place*; empty if there is none."""
    if pid is None:
        return ""
    return (
        f"s2d run is at work here (process {pid}). It may write something else at any time, and if {place} "
        "serves one client only, one of the two is turned away; better stop it first: systemctl stop s2d"
    )
