"""What must survive a restart: who this gateway is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

from ..errors import ConfigError, Problem

GATEWAY_ID = "gateway-id"


def gateway_id(state_dir: Path) -> UUID:
    """The id kept in *state_dir*; made and kept on first use.

    Raises: ConfigError: the directory cannot be used, or what is kept there is no id.
    """
    path = state_dir / GATEWAY_ID
    with _explained(path):
        state_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # A rename is whole or not at all, whatever happens to the power.
            new = path.with_suffix(".new")
            new.write_text(f"{uuid4()}\n")
            with new.open() as written:
                os.fsync(written.fileno())
            new.rename(path)
        return UUID(path.read_text().strip())


def try_out(state_dir: Path) -> None:
    """Finds out whether `gateway_id` would succeed, and leaves nothing behind.

    Raises: ConfigError: as that would.
    """
    path = state_dir / GATEWAY_ID
    with _explained(path):
        if path.exists():
            UUID(path.read_text().strip())
            return
        there = next(folder for folder in (state_dir, *state_dir.parents) if os.path.lexists(folder))
        with TemporaryDirectory(dir=there, prefix=".s2d-"):
            pass


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        hint = "Make it writable for the user s2d runs as, or set gateway: state_dir"
        raise ConfigError([Problem(str(path), 0, 0, "", f"cannot be used: {exc.strerror}", hint)]) from exc
    except ValueError as exc:
        hint = "Restore the file, or remove it to become a new gateway"
        raise ConfigError([Problem(str(path), 1, 1, "", "holds no UUID", hint)]) from exc
