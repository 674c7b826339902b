"""The command runner of a device: carries out what is wanted, repeats it in time, and remembers what was done.

Only the newest setpoint of each point counts. It stays wanted until it is done, refused or replaced, however long the
device is away; what comes too soon after another waits. What the device took and does not show yet is looked at, and
lets go first what will not wait. What brings the device to safety stays wanted even if it is refused.

A refresh is the last one done again: it gives way to whatever is wanted, and is counted apart. If it does not get
through it is tried again, and whoever wanted it hears of that; as of what is undone, by others or by a restart.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf, isclose

from ..driver import PointSettings
from ..errors import DeviceRefused, DeviceUnreachable
from ..events import Applied, DeviceEvent, Refused, Shadowed, Undone, UndoneBy
from ..host.log import Logger
from ..values import RELEASE, Clock, Reading, Setpoint, Value
from .command import Command, Disallowed, sequence
from .command_plan import Check, CommandMemory, Plan, Wait, Write, direction_of
from .confirmation import Preempted, Unseen, undisturbed
from .found_values import FoundValues
from .opened_device import DriverHung, NotReady, OpenedDevice, WriteShadowed
from .safety_retry import SafetyRetry
from .setpoint_watch import SetpointWatch
from .write_ledger import WriteLedger
from .write_saver import Tally, WriteSaver, sparing

DWELL_OUTLIVES_US_S = 60.0
"""A dwell of at least this is kept across a restart."""
_LOOK_AGAIN_AFTER_S = 0.5
"""Between looks whether the device follows."""


@dataclass(slots=True)
class _LateRefresh:
    """A refresh that did not get through."""

    retry: SafetyRetry
    not_before: float = -inf
    """When it is tried again."""
    is_told: bool = False


class CommandRunner:
    """The command runner of one device, through all its openings."""

    def __init__(
        self,
        ledger: WriteLedger,
        *,
        clock: Clock,
        log: Logger,
        emit: Callable[[DeviceEvent], None],
        found: FoundValues | None = None,
    ) -> None:
        self._saver = WriteSaver(ledger, clock=clock, log=log)
        self._ledger = ledger
        self._found = found or FoundValues()
        self._clock = clock
        self._log = log
        self._emit = emit
        self._wanted: dict[str, Setpoint] = {}
        """Offered and not done yet; the newest of each point."""
        self._unreached: dict[str, Setpoint] = {}
        """Wanted still, though the device could not be reached with it; that was emitted."""
        self._not_before: dict[str, float] = {}
        """Wanted, but too soon."""
        self._refused: dict[str, Setpoint] = {}
        """Wanted still, though the device refused it; that was emitted."""
        self._safety_retries: dict[str, SafetyRetry] = {}
        """By point: the device has refused to be safe, whatever was wanted since."""
        self._done: dict[str, Setpoint] = {}
        """What a refresh repeats."""
        self._late: dict[str, _LateRefresh] = {}
        """By point: its refresh did not get through."""
        self._last_writes: dict[str, tuple[Setpoint, Write]] = {}
        """By point: with what the wanted Setpoint is done, unless it is still at an earlier step."""
        self._silence: Setpoint | None = None
        """What met with silence last..."""
        self._silence_retries: dict[str, SafetyRetry] = {}
        """...and by point, where all else is answered."""
        self._tried: set[Setpoint] = set()
        """In this turn."""
        self._watch = SetpointWatch()
        self._memories: dict[str, CommandMemory] = {}
        self._endangered: set[str] = set()

    @property
    def tally(self) -> Tally:
        """What was done since the start."""
        return self._saver.tally

    def offer(self, setpoint: Setpoint) -> None:
        """Wants *setpoint*; it replaces what was wanted of its point before."""
        self._wanted[setpoint.point] = setpoint
        self._not_before.pop(setpoint.point, None)
        self._silence_retries.pop(setpoint.point, None)
        self._saver.stirs.set()

    def next_at(self, opened: OpenedDevice) -> float:
        """When a refresh is due, or what waits may be done."""
        refreshes = (self._refresh_at(point, opened) for point in self._done)
        return min([*self._not_before.values(), *refreshes], default=inf)

    def observe(self, readings: Sequence[Reading], points: Mapping[str, PointSettings]) -> None:
        """Takes note of what points hold now, and emits what is undone by that."""
        self._saver.observe(readings, points)
        self._emit_undone(self._watch.observe(readings, points))

    def _emit_undone(self, undone: Sequence[Undone]) -> None:
        for each in undone:
            self._memories[each.setpoint.point].forget()
            if each.setpoint.point not in self._wanted:  # else it is to become something else anyway
                self._emit(each)

    def invalidate(self) -> None:
        """What was written may not be there any more: the device was away, did not obey, or has control back."""
        self._saver.invalidate()
        for memory in self._memories.values():
            memory.forget()

    def lose(self) -> None:
        """The device is lost: nothing of what was written may be there when it is back."""
        self._saver.forget()
        self._watch.lose()
        self._silence_retries.clear()

    def recover(self) -> None:
        """The device is back: what cannot be read is taken for gone."""
        self._emit_undone(self._watch.recover())

    def put_off(self) -> None:
        """The device answers all but what it was told: that is tried again ever more seldom."""
        if self._silence:
            now, point = self._clock().mono, self._silence.point
            retry = self._silence_retries.setdefault(point, SafetyRetry(now))
            self._not_before[point] = retry.next_try_at(now, wore_out=False)

    async def prepare(self, opened: OpenedDevice) -> None:
        """Takes the steps with which the device is started, as far as it does not hold their values already.

        Raises: DeviceUnreachable: the device did not answer.
        """
        opened.schedule.watch(self._watch.points, -inf)
        start = opened.make.start
        if not start:
            return
        await self._read_inputs(opened, opened.latest.inputs_of(frozenset().union(*(step.names for step in start))))
        try:
            steps, _ = sequence(start, opened.latest.values, {})
            await self._run_steps(opened, steps, "start", is_read_first=True)
        except WriteShadowed:
            pass
        except DeviceRefused as exc:
            self._log.warning("start.refused", reason=exc.reason)

    async def write_due(self, opened: OpenedDevice) -> None:
        """Does what is wanted, then each refresh that is due; looks again after each, as things may have changed.

        Raises: DeviceUnreachable: the device did not answer.
        """
        self._tried = set()
        refreshed: set[str] = set()
        while True:
            now = self._clock().mono
            if wanted := self._ready(now):
                self._tried.add(wanted)
                await self._run(opened, wanted)
            elif late := self._due_refresh(opened, refreshed, now):
                refreshed.add(late.point)
                await self._refresh(opened, late)
            else:
                return

    async def write_safe(self, opened: OpenedDevice) -> None:
        """Does what is safe of what is wanted, as far as nothing has to be believed for that which the device says."""
        for wanted in [each for each in self._wanted.values() if _is_safe(each)]:
            if self._not_before.get(wanted.point, -inf) <= self._clock().mono:
                try:
                    await self._run(opened, wanted)
                except DeviceUnreachable:
                    self.put_off()

    def _ready(self, now: float) -> Setpoint | None:
        ready = [each for each in self._wanted.values() if self._is_ready(each, now)]
        return next((each for each in ready if _is_safe(each)), ready[0] if ready else None)

    def _is_ready(self, wanted: Setpoint, now: float) -> bool:
        return wanted not in self._tried and self._not_before.get(wanted.point, now) <= now

    async def _undisturbed(self, setpoint: Setpoint | None, seconds: float) -> None:
        """Lets *seconds* pass while *setpoint* is carried out. Raises: Preempted: what is safe would wait for that."""
        await undisturbed(seconds, self._saver.stirs, lambda: self._is_preempted(setpoint, by_safe_alone=True))

    def _is_preempted(self, setpoint: Setpoint | None, *, by_safe_alone: bool = False) -> bool:
        """Whether something does not wait until *setpoint* is done: what replaces it, or what is safe."""
        if setpoint is None or (by_safe_alone and _is_safe(setpoint)):
            return False
        now = self._clock().mono
        return any(
            not _is_same(wanted, setpoint)
            and (_is_safe(wanted) or (wanted.point == setpoint.point and not by_safe_alone))
            and self._is_ready(wanted, now)
            for wanted in self._wanted.values()
        )

    def _due_refresh(self, opened: OpenedDevice, refreshed: set[str], now: float) -> Setpoint | None:
        for point, setpoint in self._done.items():
            if point not in refreshed and self._refresh_at(point, opened) <= now:
                return setpoint
        return None

    def _refresh_at(self, point: str, opened: OpenedDevice) -> float:
        command = opened.commands.get(point)
        if command is None or command.refresh_s is None or self._done[point].value == RELEASE:
            return inf
        late = self._late.get(point)
        return late.not_before if late else self._memories[point].repeated_at + command.refresh_s

    async def _run(self, opened: OpenedDevice, setpoint: Setpoint) -> None:
        worn = self.tally.worn
        try:
            done = await self._execute(opened, setpoint)
        except WriteShadowed:
            self._done.pop(setpoint.point, None)
            self._forget_wanted(setpoint)
            self._emit(Shadowed(setpoint))
        except DeviceRefused as exc:
            self._on_refusal(opened, setpoint, exc.reason, wore_out=self.tally.worn > worn)
        except Preempted:
            if self._wanted.get(setpoint.point) is setpoint:
                self._not_before[setpoint.point] = self._clock().mono
        except DeviceUnreachable as exc:
            self._silence = setpoint
            if isinstance(exc, Unseen):
                raise
            if self._unreached.get(setpoint.point) is not setpoint:
                self._unreached[setpoint.point] = setpoint
                self._emit(Refused(setpoint, opened.explained(exc.reason), will_retry=True))
            raise
        else:
            if done is not None:
                wanted = self._wanted.get(setpoint.point, setpoint)
                if _is_same(wanted, setpoint):  # meanwhile it may be wanted for another reason
                    setpoint = wanted
                self.tally.commands += 1
                self._forget_wanted(setpoint)
                self._safety_retries.pop(setpoint.point, None)
                self._silence_retries.pop(setpoint.point, None)
                self._done[setpoint.point] = setpoint
                self._end_lateness(setpoint.point)
                if setpoint.value == RELEASE:
                    self.invalidate()
                # What it does now is news: look at once.
                opened.schedule.hurry(self._clock().mono)
                self._emit(Applied(setpoint, _kept_of(setpoint.value, done)))

    async def _refresh(self, opened: OpenedDevice, setpoint: Setpoint) -> None:
        try:
            await self._execute(opened, setpoint, is_refresh=True)
        except WriteShadowed:
            self._done.pop(setpoint.point, None)
            self._emit(Shadowed(setpoint))
        except DeviceRefused as exc:
            if isinstance(exc, Disallowed) or _is_safe(setpoint) or self._is_overruled(setpoint):
                self._on_refusal(opened, setpoint, exc.reason, wore_out=False)
            else:
                self._retry_refresh(opened, setpoint, exc.reason)
        except Preempted:
            pass
        except DeviceUnreachable as exc:
            self._silence = None
            self._retry_refresh(opened, setpoint, exc.reason, is_silent=True)
            raise
        else:
            self.tally.refreshes += 1
            if self._end_lateness(setpoint.point):
                self._emit(Applied(setpoint))

    def _retry_refresh(self, opened: OpenedDevice, setpoint: Setpoint, reason: str, *, is_silent: bool = False) -> None:
        """The device would not be told again: it is told ever more seldom, until whoever wants it gives it up.

        That it *is_silent* happens on every bus; nobody hears of that unless it happens again.
        """
        now, point = self._clock().mono, setpoint.point
        self.invalidate()
        late = self._late.get(point)
        is_passing = is_silent and late is None
        late = late or self._late.setdefault(point, _LateRefresh(SafetyRetry(now)))
        late.not_before = late.retry.next_try_at(now, wore_out=False)
        if not is_passing and not late.is_told:
            late.is_told = True
            timeout_s = opened.commands[point].timeout_s(opened.latest.values)
            forgotten_at = self._memories[point].repeated_at + timeout_s if timeout_s else None
            self._emit(Undone(setpoint, reason, UndoneBy.REFUSED_REFRESH, forgotten_at=forgotten_at))

    def _end_lateness(self, point: str) -> bool:
        """Nothing more is wanted of a refresh that did not get through; whether anybody heard of it."""
        late = self._late.pop(point, None)
        return late is not None and late.is_told

    def _forget_wanted(self, setpoint: Setpoint) -> None:
        if self._wanted.get(setpoint.point) is setpoint:
            del self._wanted[setpoint.point]
            self._not_before.pop(setpoint.point, None)
            self._unreached.pop(setpoint.point, None)
            self._refused.pop(setpoint.point, None)

    def _on_refusal(self, opened: OpenedDevice, setpoint: Setpoint, reason: str, *, wore_out: bool) -> None:
        """The device refused *setpoint*, which is given up, or tried again if it brings to safety."""
        self._done.pop(setpoint.point, None)
        self._end_lateness(setpoint.point)
        self.invalidate()
        is_worth_it = _is_safe(setpoint) and _is_possible(setpoint, opened)
        # What was refused may be a refresh, or replaced by now.
        if is_worth_it and self._wanted.setdefault(setpoint.point, setpoint) is setpoint:
            self._retry_later(setpoint, reason, wore_out=wore_out)
        else:
            self._forget_wanted(setpoint)
            self._emit(Refused(setpoint, reason, will_retry=self._is_overruled(setpoint)))

    def _retry_later(self, setpoint: Setpoint, reason: str, *, wore_out: bool) -> None:
        """Has *setpoint* tried again, ever more seldom, until it is done or replaced."""
        now, point = self._clock().mono, setpoint.point
        retry = self._safety_retries.setdefault(point, SafetyRetry(now))
        self._not_before[point] = retry.next_try_at(now, wore_out=wore_out)
        if retry.is_reminder_due(now):
            self._log.error("fallback.unconfirmed", point=point, value=setpoint.value, why=reason)
        if self._refused.get(point) is not setpoint:
            self._refused[point] = setpoint
            self._emit(Refused(setpoint, reason, will_retry=True))

    def _is_overruled(self, setpoint: Setpoint) -> bool:
        """Whether something else, which brings the device to safety, is wanted of its point by now."""
        wanted = self._wanted.get(setpoint.point)
        return wanted is not None and wanted is not setpoint and _is_safe(wanted)

    async def _execute(self, opened: OpenedDevice, setpoint: Setpoint, *, is_refresh: bool = False) -> Value | None:
        """Does *setpoint*; what the device does of it, or None if it has to wait."""
        point = setpoint.point
        command = opened.commands.get(point)
        if command is None:
            raise DeviceRefused(f"this device has no {point} to set")
        await self._read_inputs(opened, opened.inputs_for(setpoint), is_refresh=is_refresh)
        memory = self._memory_of(point, command)
        plan = command.plan(
            setpoint.value,
            opened.latest.values,
            memory,
            again=is_refresh,
            is_safe=_is_safe(setpoint),
            found=self._found.values,
        )
        if is_refresh:
            plan = sparing(plan, opened.make.points)
        if plan.is_needless:
            self._watch.adopt(setpoint)
            return _done(plan, memory)
        if plan.not_before > self._clock().mono:
            if self._wanted.get(point) is setpoint:
                self._not_before[point] = plan.not_before
            return None
        self._warn_of_timeout(point, command, opened.latest.values)
        if not opened.is_shadowed:
            await self._record_switching(point, command, plan)
        may_save = command.if_unchanged == "skip" and not is_refresh
        if not is_refresh:
            memory.begin(plan, self._clock().mono)
        try:
            share = await self._run_steps(
                opened, plan.steps, setpoint.reason, setpoint, may_save=may_save, scaled=command.scaled
            )
            if plan.check:
                await self._verify(opened, plan.check, setpoint)
        except (Preempted, Unseen):
            if not is_refresh and point in self._last_writes and self._last_writes[point][0] is setpoint:
                memory.leave(plan, self._clock().mono)
            raise
        if plan.value == RELEASE:
            await self._found.forget(command.restored)
        memory.note(plan, self._clock().mono, again=is_refresh, share=share)
        self._watch_over(opened, setpoint, plan)
        return _done(plan, memory)

    def _watch_over(self, opened: OpenedDevice, setpoint: Setpoint, plan: Plan) -> None:
        """Watches what *setpoint* has written by *plan*. What nobody ordered, or counts by itself, is not watched."""
        points, now = opened.make.points, self._clock().mono
        if _is_safe(setpoint):
            self._watch.stop(setpoint.point)
        else:
            written = {name for step in plan.steps if not isinstance(step, Wait) for name in step.values}
            lasting = {name for name in written - plan.counts.keys() if points[name].dimension != "duration"}
            readable = {name for name in lasting if points[name].is_readable}
            blind = [points[name] for name in lasting - readable]
            self._watch.start(setpoint, self._saver.reads_as(readable), blind, now)
        opened.schedule.watch(self._watch.points, now)

    async def _read_inputs(self, opened: OpenedDevice, inputs: Sequence[str], *, is_refresh: bool = False) -> None:
        """Reads those of the points *inputs* that are not known freshly enough; for a refresh, all that can change."""
        now, latest, points = self._clock().mono, opened.latest, opened.make.points
        needed = [
            point for point in inputs if latest.is_outdated(point, now) or (is_refresh and points[point].poll != "once")
        ]
        if needed:
            await opened.read(needed)

    async def _run_steps(
        self,
        opened: OpenedDevice,
        steps: Sequence[Write | Wait],
        reason: str,
        of: Setpoint | None = None,
        *,
        may_save: bool = True,
        is_read_first: bool = False,
        scaled: Collection[str] = (),
    ) -> float:
        """Takes *steps*, and returns which share the device keeps of what is written to *scaled* points.

        Raises: WriteShadowed: all were taken as far as they write nothing.
        """
        share = 1.0
        shadowed: WriteShadowed | None = None
        is_safe = of is not None and _is_safe(of)
        for number, step in enumerate(steps, 1):
            if of and not is_safe and self._is_overruled(of):
                raise DeviceRefused("what brings the device to safety goes before it")
            if isinstance(step, Wait):
                await opened.pause(step.seconds, partial(self._undisturbed, of))
                continue
            self._watch.overwrite(step.values)
            if of and number == len(steps):
                self._last_writes[of.point] = of, step
            at = f"step {number} of {len(steps)} ({', '.join(step.values)}): " if len(steps) > 1 else ""
            try:
                if (of is None or of.value != RELEASE) and not opened.is_shadowed:
                    await self._find(opened, step, is_safe=is_safe)
                kept = await self._saver.write(
                    opened,
                    step,
                    reason,
                    may_save=may_save,
                    is_read_first=is_read_first,
                    is_safe=is_safe,
                    scaled=scaled,
                    is_preempted=partial(self._is_preempted, of),
                )
                share = min(share, kept)
            except WriteShadowed as exc:
                shadowed = exc
            except (Unseen, NotReady, DriverHung):
                raise
            except DeviceRefused as exc:
                raise DeviceRefused(at + exc.reason) from exc
            except DeviceUnreachable as exc:
                raise DeviceUnreachable(at + exc.reason) from exc
        if shadowed:
            raise shadowed
        return share

    async def _find(self, opened: OpenedDevice, write: Write, *, is_safe: bool) -> None:
        """Keeps what the points of *write* hold, as far as releasing puts it back and they hold nothing of ours yet.

        Raises: DeviceRefused: that is not known, or cannot be kept. DeviceUnreachable.
        """
        new = [name for name in write.values if name in opened.restored and name not in self._found.values]
        if not new:
            return
        read = {each.point: each.value for each in await opened.read(new)}
        points = opened.make.points
        found = {
            name: value
            for name in new
            if (value := read.get(name)) is not None and points[name].objection_to(value) is None
        }
        if len(found) < len(new):
            what = ", ".join(name for name in new if name not in found)
            raise DeviceRefused(f"what {what} holds is unknown, so it could not be put back")
        await self._found.keep(found, is_safe=is_safe)

    async def _verify(self, opened: OpenedDevice, check: Check, setpoint: Setpoint) -> None:
        until = self._clock().mono + check.within_s
        points = opened.latest.inputs_of([check.point])
        while True:
            news = {each.point: each.value for each in await opened.read(points)}
            found = news.get(check.point)
            if check.holds(found):
                return
            left_s = until - self._clock().mono
            if left_s <= 0:
                seen = "unknown" if found is None else found
                raise DeviceRefused(f"the device did not follow: {check.point} is {seen} instead of {check.value}")
            await self._undisturbed(setpoint, min(_LOOK_AGAIN_AFTER_S, left_s))

    def _warn_of_timeout(self, point: str, command: Command, known: Mapping[str, Value]) -> None:
        """Warns, once, if the device forgets before it is reminded."""
        timeout_s = command.timeout_s(known)
        if not timeout_s or command.refresh_s is None or command.refresh_s < timeout_s / 2:
            self._endangered.discard(point)
        elif point not in self._endangered:
            self._endangered.add(point)
            self._log.warning("watchdog.endangered", point=point, timeout_s=timeout_s, refresh_s=command.refresh_s)

    def _memory_of(self, point: str, command: Command) -> CommandMemory:
        if point not in self._memories:
            memory = self._memories[point] = CommandMemory()
            last = self._ledger.switched(point) if command.dwell_s >= DWELL_OUTLIVES_US_S else None
            if last:
                now = self._clock()
                memory.switched_at = now.mono - max(0.0, (now.utc - last[0]).total_seconds())
                memory.direction = last[1]
        return self._memories[point]

    async def _record_switching(self, point: str, command: Command, plan: Plan) -> None:
        if command.dwell_s < DWELL_OUTLIVES_US_S or plan.value == RELEASE:
            return
        last, direction = self._ledger.switched(point), direction_of(plan.value)
        if last is None or last[1] != direction:
            with suppress(DeviceRefused):  # to forget a dwell does less harm than not to write
                await self._ledger.record_switching(point, direction, self._clock().utc)

    @property
    def wanted(self) -> tuple[Setpoint, ...]:
        """What is not done yet; the newest of each point."""
        return tuple(self._wanted.values())

    @property
    def acknowledged(self) -> frozenset[Setpoint]:
        """What the device took, all of it, and does not show yet; not what it took before, and never showed."""
        last, refused = self._last_writes.values(), {*self._refused.values()}
        return frozenset(each for each, write in last if each not in refused and self._saver.has_taken(write))

    @property
    def done(self) -> tuple[Setpoint, ...]:
        """What was confirmed, and not refused since; the newest of each point."""
        return tuple(self._done.values())


def _done(plan: Plan, memory: CommandMemory) -> Value:
    """What the device does of *plan*."""
    return plan.value if isinstance(plan.value, str | bool) else plan.value * memory.share


def _kept_of(wanted: Value, done: Value) -> float | None:
    """What is *done* of a number that was *wanted*, where that is nearer to 0 and not 0; else None."""
    if isinstance(wanted, str | bool) or isinstance(done, str | bool) or not 0 < abs(done) < abs(wanted):
        return None
    return float(done) if done * wanted > 0 and not isclose(done, wanted, rel_tol=1e-6) else None


def _is_safe(setpoint: Setpoint) -> bool:
    """Whether it brings the device to safety; giving control back always does."""
    return setpoint.is_safe or setpoint.value == RELEASE


def _is_same(one: Setpoint, other: Setpoint) -> bool:
    """Whether both come to the same, whatever they are wanted for."""
    return (one.point, one.value, one.is_safe) == (other.point, other.value, other.is_safe)


def _is_possible(setpoint: Setpoint, opened: OpenedDevice) -> bool:
    """Whether the device, as it is, has a command for it at all."""
    command = opened.commands.get(setpoint.point)
    return command is not None and (setpoint.value != RELEASE or bool(command.release))
