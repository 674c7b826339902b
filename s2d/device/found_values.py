"""Found values of a device: what its points held before the first order, on the disk until that is put back.

A point is found once, right before it is written first. Whatever becomes of the process, it is not found again before
it was put back: by then it may hold a value of ours.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress

from ..errors import DeviceRefused, StoreError
from ..host.store import Key, Store
from ..values import Value


class FoundValues:
    """The found values of *device*, kept in *store*; by default forgotten with the process."""

    def __init__(self, store: Store | None = None, device: str = "", *, keeper: str = "") -> None:
        """*keeper*, in words, is another process that keeps them: then they are only looked at."""
        self._keeper = keeper
        self._store = store or Store()
        self._key = Key("found", device)
        self._values = self._store.get(self._key, dict[str, bool | float | str]) or {}

    @property
    def values(self) -> Mapping[str, Value]:
        """Point → what it held, in base units."""
        return self._values

    async def keep(self, values: Mapping[str, Value], *, is_safe: bool = False) -> None:
        """Keeps *values*, as their points are about to be written; what *is_safe* does not wait for the disk to work.

        Raises: DeviceRefused: they are not on the disk.
        """
        if self._keeper:
            raise DeviceRefused(f"what {', '.join(values)} held is not remembered, as {self._keeper} is at work")
        before = self._values
        self._values = {**before, **values}
        try:
            await self._store.put(self._key, self._values)
        except StoreError as exc:
            if is_safe:
                return  # known as long as the process lives, and the store tries again
            self._values = before
            self._store.put_soon(self._key, before)
            raise DeviceRefused(f"what {', '.join(values)} held cannot be remembered: {exc}") from exc

    async def forget(self, points: Collection[str]) -> None:
        """Forgets what *points* held: it was put back."""
        if self._keeper or self._values.keys().isdisjoint(points):
            return
        self._values = {name: value for name, value in self._values.items() if name not in points}
        with suppress(StoreError):  # the store tries again; to put the same back twice does no harm
            await self._store.put(self._key, self._values)
