"""The safe end of a process that cannot be the daemon: devices are made safe, and it ends in time whatever hangs."""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Timer
from uuid import UUID

from ..config import DeviceConfig, Draft, Fallback
from ..device.device_map import commands_of
from ..device.found_values import FoundValues
from ..errors import ConfigError
from ..host import loop
from ..host.disk import DiskThread
from ..host.log import flush, get_logger
from ..host.store import Store
from ..values import RELEASE, Setpoint
from .daemon import make_safe

ENDS_WITHIN_S = 9.5
"""A device has less to confirm its safe state; but a driver may block, and a name be looked up for ever."""

_UNKNOWN = UUID(int=0)
"""The gateway whose id cannot be read; what is written all the same counts as its writes."""


def end_safely(first: Draft, second: Draft, *, ran: Draft, state_dir: Path | None, status: int = 0) -> int:
    """Brings the devices of both drafts to their safe state, as the *first* that has them says, and ends the process.

    It ends with *status*, or with 1 if that is 0 and not all confirmed. Of those that *ran* none is passed over in
    silence, and to those that either draft shadows nothing is written. Writes count in *state_dir*, if it can be used.
    Where there are no devices, it returns *status*.
    """
    shadowed = first.shadowed_names | second.shadowed_names
    drafts = (second.shadowing(shadowed), first.shadowing(shadowed))
    devices = {each.name: each for draft in drafts for each in draft.config.devices}
    log = get_logger()
    for problem in ran.problems:
        log.warning("config.doubtful", problem=str(problem))
    for name in sorted(ran.names - devices.keys()):
        log.error("fallback.unconfirmed", device=name, why="what it is cannot be read any more")
    if not devices:
        return status
    guard = Timer(ENDS_WITHIN_S, os._exit, (status or 1,))
    guard.daemon = True
    guard.start()
    gateway = first.config.gateway.id or second.config.gateway.id
    loop.run(_end(list(devices.values()), state_dir, gateway, status))
    raise AssertionError("it has ended")


def left_behind(last: Draft, names: Collection[str], store: Store, *, is_at_rest: bool) -> list[DeviceConfig]:
    """The devices of *last* that are none of *names* any more, and still have to be left as they should be.

    Such a device is given up for good, so what was found in it is put back, whatever is safe otherwise: under another
    name it would not be known. Where not all *is_at_rest*, the others are brought to their safe states.
    """
    left = [each for each in last.config.devices if each.name not in names]
    given_back = [(each, _given_back(each, FoundValues(store, each.name).values.keys())) for each in left]
    return [made for each, made in given_back if not is_at_rest or made is not each]


def _given_back(device: DeviceConfig, found: Collection[str]) -> DeviceConfig:
    """*device*, of which those commands give control back as their safe state that put back what was *found*."""
    makes = (device.make, *(variant.make for variant in device.variants))
    commands = [each for make in makes for each in commands_of(make).items()]
    released = dict.fromkeys(name for name, command in commands if not command.restored.isdisjoint(found))
    if not released or device.fallback is None:
        return device
    kept = [each for each in device.fallback.setpoints if each.point not in released]
    setpoints = (*kept, *(Setpoint(name, RELEASE, "fallback") for name in released))
    return replace(device, fallback=Fallback(setpoints=setpoints))


async def _end(devices: Sequence[DeviceConfig], state_dir: Path | None, gateway: UUID | None, status: int) -> None:
    store = Store(state_dir, DiskThread(), get_logger())
    try:
        gateway = gateway or store.gateway_id()
    except ConfigError:
        gateway = _UNKNOWN
    is_safe = await make_safe(devices, store, gateway)
    store.close()
    flush()
    os._exit(status or (0 if is_safe else 1))
