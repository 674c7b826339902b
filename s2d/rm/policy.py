"""The identity of a resource, and the policy of its owner."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..events import Identified
from ..s2.messages.common import ControlType
from .control.reporting import ReportThresholds
from .instructions import Updates
from .occasion import Occasion


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of a resource: who it is, to the CEM."""

    resource_id: str
    """The same for ever."""
    name: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None

    def completed_by(self, device: Identified) -> "Identity":
        """With what the device says of itself where the owner said nothing."""
        return replace(
            self,
            manufacturer=self.manufacturer or device.manufacturer,
            model=self.model or device.model,
            serial_number=self.serial_number or device.serial_number,
            firmware_version=self.firmware_version or device.firmware_version,
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of the owner: what he decided about a resource."""

    fallback_after_s: float
    """After this long with nobody in charge the device is brought to rest; who comes back has as long, once."""
    thresholds: ReportThresholds
    processing_delay_s: float
    """How long an instruction is expected to take, until one has been timed."""
    updates: Updates = "full"
    max_instruction_age_s: float | None = None
    """Instructions whose execution time is longer ago are rejected; None for never."""
    redescribe_after_status: bool | None = None
    """Whether a storage is described once more after its first status; None: if the CEM sent no Handshake."""
    hold_s: Mapping[Occasion, float] = field(default_factory=dict)
    """How long the device is left as it is on an occasion before it is brought to rest, where that may wait."""
    control_types: tuple[ControlType, ...] | None = None
    """The only ones to offer; None for all that are possible."""
