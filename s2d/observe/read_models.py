"""Read models: how a node's device, session and control stand at one instant, built when somebody asks.

They are plain values, which nobody changes and JSON can carry. Durations are in seconds.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from ..device.device import Device
from ..device.write_saver import Tally
from ..rm.instructions import Instructions, Order
from ..rm.resource_manager import ResourceManager
from ..s2.legality import Phase
from ..s2.messages.common import ControlType
from ..values import Now, Quality, Value


@dataclass(frozen=True, slots=True)
class PointStatus:
    """The status of a point or computed value: the last good one, or why there is none any more."""

    point: str
    value: Value | None
    """In the base unit."""
    quality: Quality
    why: str
    """It is not good."""
    age_s: float | None
    """None where there is no value."""


@dataclass(frozen=True, slots=True)
class SetpointStatus:
    """The status of a setpoint: what the device was told last of a point, or is to be told."""

    point: str
    value: Value
    reason: str
    is_done: bool
    """The device confirmed it."""


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """The status of a device, as far as it is known."""

    name: str
    since_s: float | None
    """How long it has been answering, or not; None while neither is clear."""
    lost_because: str | None
    """None unless it is lost."""
    retry_in_s: float | None
    """When it is asked again though it did not answer; None while it does."""
    points: tuple[PointStatus, ...]
    setpoints: tuple[SetpointStatus, ...]
    tally: Tally
    """What was written since the start."""

    @property
    def is_online(self) -> bool:
        return self.since_s is not None and self.lost_because is None


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """The status of the session on the present connection."""

    phase: Phase
    version: str
    """Of the protocol; the first offered while none is agreed on."""
    selected: ControlType
    is_closing: bool
    """Nothing is said or heard any more."""
    unanswered: int
    """Messages of ours without a ReceptionStatus."""
    cem_ahead_s: float
    """How far the CEM's clock is ahead of ours; 0 while that is not known to be doubtful."""


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """The status of an order that has not come to an end."""

    instruction_id: str
    scope: str
    """What it is for: an actuator, or the whole resource."""
    execution_time: datetime
    has_succeeded: bool
    """And stays in force."""


@dataclass(frozen=True, slots=True)
class WishStatus:
    """The status of what its owner wants of a device."""

    is_wanted: bool
    left_s: float | None
    """For how much longer at most; None: as long as a point of the device says so, or nothing is wanted."""
    why_not: str | None
    """Why nothing can be wanted of it now."""
    why_less: str | None
    """What holds back what is, or can be."""


@dataclass(frozen=True, slots=True)
class ControlStatus:
    """The status of control: who is in charge of the resource, and of what."""

    offered: tuple[ControlType, ...]
    in_force: tuple[OrderStatus, ...]
    """At most one in each scope."""
    waiting: tuple[OrderStatus, ...]
    """Soonest first."""
    troubles: tuple[str, ...]
    """What its owner has to see to, in words."""
    fallback_in_s: float | None
    """When the safe state comes, unless a CEM takes charge; None while one has, or nobody had."""
    wish: WishStatus | None
    """None: nothing can ever be wanted of it."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """The status of a node as a whole."""

    device: DeviceStatus
    session: SessionStatus | None
    """None without a connection to the CEM."""
    control: ControlStatus


def node_status(device: Device, resource_manager: ResourceManager, now: Now) -> NodeStatus:
    """How a node with these stands."""
    return NodeStatus(
        device_status(device, now), session_status(resource_manager, now), control_status(resource_manager, now)
    )


def device_status(device: Device, now: Now) -> DeviceStatus:
    """How *device* stands."""
    wanted = {setpoint.point: (setpoint, False) for setpoint in device.wanted}
    done = {setpoint.point: (setpoint, True) for setpoint in device.done}
    return DeviceStatus(
        name=device.name,
        since_s=None if device.since is None else now.mono - device.since,
        lost_because=device.lost_because,
        retry_in_s=_until(device.retry_at, now),
        points=_points(device, now),
        setpoints=tuple(
            SetpointStatus(point, setpoint.value, setpoint.reason, is_done)
            for point, (setpoint, is_done) in sorted((done | wanted).items())
        ),
        tally=replace(device.tally),
    )


def session_status(resource_manager: ResourceManager, now: Now) -> SessionStatus | None:
    """How the session of *resource_manager* stands; None without one."""
    session = resource_manager.session
    if session is None:
        return None
    return SessionStatus(
        phase=session.phase,
        version=session.version,
        selected=session.control_type,
        is_closing=session.is_closing,
        unanswered=session.unanswered,
        cem_ahead_s=resource_manager.cem_ahead_s(now),
    )


def control_status(resource_manager: ResourceManager, now: Now) -> ControlStatus:
    """Who is in charge of the resource of *resource_manager*."""
    instructions = resource_manager.instructions
    started = instructions.started.values() if instructions else ()
    held = instructions.held if instructions else ()
    return ControlStatus(
        offered=resource_manager.offered,
        in_force=tuple(_order(order, instructions) for order in started),
        waiting=tuple(_order(order) for order in held),
        troubles=resource_manager.troubles,
        fallback_in_s=_until(resource_manager.fallback_at, now),
        wish=_wish(resource_manager, now),
    )


def _points(device: Device, now: Now) -> tuple[PointStatus, ...]:
    readings = device.latest.everything() if device.latest else ()
    return tuple(
        PointStatus(each.point, each.value, each.quality, each.detail, None if each.at is None else now.mono - each.at)
        for each in sorted(readings, key=lambda reading: reading.point)
    )


def _order(order: Order[object], instructions: Instructions[object] | None = None) -> OrderStatus:
    has_succeeded = instructions is not None and instructions.has_succeeded(order.scope)
    return OrderStatus(order.id, order.scope, order.execution_time, has_succeeded)


def _wish(resource_manager: ResourceManager, now: Now) -> WishStatus | None:
    wish = resource_manager.wish
    if wish is None:
        return None
    return WishStatus(wish.reason is not None, _until(wish.ends_at, now), wish.why_not(), wish.why_less())


def _until(at: float | None, now: Now) -> float | None:
    return None if at is None else max(0.0, at - now.mono)
