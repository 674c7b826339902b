"""Part ids: UUIDs of the actuators, modes, transitions and timers of a resource, for ever the same."""

from uuid import NAMESPACE_OID, uuid5


def part_id(whole_id: str, part: str) -> str:
    """The id of *part* of what has the id *whole_id*."""
    return str(uuid5(NAMESPACE_OID, f"{whole_id}/{part}"))
