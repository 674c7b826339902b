"""Setup of a resource manager: what it is made from, as plain values. Two made from the same do the same."""

from collections.abc import Callable

from msgspec import Struct

from .kinds import Ability, Resource, ResourceSetup, kind
from .kinds.head_room import HouseShare
from .memory import Memory
from .occasion import SafeStates
from .policy import Identity, Policy
from .resource_manager import ResourceManager


class Setup(Struct, frozen=True, kw_only=True):
    """A resource manager before its first event: what is configured of it, and what is kept of earlier runs."""

    kind: str
    """One of `kinds.KINDS`."""
    identity: Identity
    """Its resource id is the same in every run."""
    settings: Struct
    """Of the kind's type."""
    abilities: dict[str, Ability]
    """What can be done with the points of its device."""
    safe: SafeStates
    policy: Policy
    time_zone: str = "UTC"
    """In which its owner tells the time."""
    is_expected_offline: bool = False
    """Its device is switched off at times, as an inverter is at night."""
    house: HouseShare | None = None
    """None: no limit of the house holds it."""
    memory: Memory | None = None
    """What was remembered before the last restart."""

    def resource(self) -> Resource:
        """A new model of the device."""
        return kind(self.kind).resource(
            ResourceSetup(
                resource_id=self.identity.resource_id,
                name=self.identity.name,
                settings=self.settings,
                abilities=self.abilities,
                safe=self.safe,
                time_zone=self.time_zone,
                is_expected_offline=self.is_expected_offline,
                house=self.house,
            )
        )

    def resource_manager(self, new_id: Callable[[], str], resource: Resource | None = None) -> ResourceManager:
        """A new one of *resource*, a new model by default, which takes the ids of its messages from *new_id*."""
        return ResourceManager(self.identity, resource or self.resource(), self.policy, new_id, self.memory)
