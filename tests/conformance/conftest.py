"""How the suite is run: against our own RM or a foreign one, by which CEMs, and the report at the end."""

import asyncio
import platform
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from ssl import SSLContext

import pytest

from s2d import __version__

from .cem import Cem, listening, serving
from .foreign import Foreign
from .own import Plant
from .plants import KINDS, PLANTS, Kind, home_battery
from .profiles import PROFILES, Profile
from .rm import Rm
from .rows import ROWS, NotReached, Results, Row, Verdict, leading_there, verdict_on
from .said import SAID, Fault
from .wire import ANSWER_WITHIN_S, FRBC, SHORT

JOINS_WITHIN_S = 90.0
"""A foreign RM may back off for a minute, and somebody may have to start it."""
RM_PATIENCE_S = 8.0
ROW_ENDS_WITHIN_S = 300.0
"""However slow a foreign RM is."""
_REASON_LIMIT = 120
_EXCEPTION = re.compile(r"^(\w+\.)*(AssertionError|NotReached|Differs|Failed): ")
_WHOLE_MESSAGES = re.compile(r"(, but|:) (\{|nothing at all).*")
"""What was said instead fills pages; pytest shows it above."""
_ASKING_OF_KINDS = ("certification", "s2-python", "plain", "flexmeasures", "victron")
"""The CEM that asks of a kind of device beside the battery: the first of them that asks at all."""
_ANSWERS_WITHIN_S = 5.0
"""Then the hardware of a kind has answered: some of it is offered before."""
_NOT_OURS = "needs hardware, a clock or settings in the hands of the suite"
_RESULTS = pytest.StashKey[Results]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance of an S2 resource manager")
    group.addoption("--rm-port", type=int, help="listen here for a foreign RM instead of starting our own")
    group.addoption(
        "--rm-joins-within",
        type=float,
        metavar="SECONDS",
        default=JOINS_WITHIN_S,
        help="how long the foreign RM is waited for, at first and after each row (default: %(default)g)",
    )
    group.addoption(
        "--rm-patience",
        type=float,
        metavar="SECONDS",
        default=RM_PATIENCE_S,
        help="how long the foreign RM may take for what has no limit in S2 (default: %(default)g)",
    )
    group.addoption("--rm-restart", metavar="COMMAND", help="starts the foreign RM again, when it stays away")
    group.addoption("--cem", help=f"only these CEM profiles, of {', '.join(PROFILES)}; separated by commas")
    group.addoption("--conformance-table", action="store_true", help="show a line for each row at the end")
    group.addoption("--conformance-report", type=Path, metavar="FILE", help="write that table to FILE")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(row): what the test asks of an RM")
    wanted = (config.getoption("--cem", default=None) or ",".join(PROFILES)).split(",")
    if unknown := [each for each in wanted if each not in PROFILES]:
        raise pytest.UsageError(f"--cem: {', '.join(unknown)}: the profiles are {', '.join(PROFILES)}")
    config.stash[_RESULTS] = Results(tuple(each for each in PROFILES if each in wanted))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = next(metafunc.definition.iter_markers("row"), None)
    if mark is None or "profile" not in metafunc.fixturenames:
        return
    asking = mark.args[0].profiles or tuple(PROFILES)
    cases = {name: (PROFILES[name], None) for name in asking}
    if "own" not in metafunc.fixturenames and not metafunc.config.getoption("--rm-port", default=None):
        asking_of_kinds = [name for name in _ASKING_OF_KINDS if name in asking][:1]
        cases |= {f"{name}-{kind}": (PROFILES[name], KINDS[kind]) for name in asking_of_kinds for kind in KINDS}
    metafunc.parametrize(("profile", "kind"), cases.values(), ids=cases)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    rows = [item for item in items if item.get_closest_marker("row")]
    unwanted = {
        item for item in rows if _profile_of(item) not in config.stash[_RESULTS].profiles or _is_beside_the_kind(item)
    }
    if unwanted:
        config.hook.pytest_deselected(items=list(unwanted))
        items[:] = [item for item in items if item not in unwanted]
    for item in rows:
        if not item.get_closest_marker("row").args[0].is_virtual:
            item.add_marker("system")
        if _kind_of(item):
            item.add_marker("virtual_time")


def pytest_runtest_setup(item: pytest.Item) -> None:
    mark = item.get_closest_marker("row")
    if mark is not None and mark.args[0].is_virtual and item.config.getoption("--rm-port", default=None):
        pytest.skip("is played in virtual time, with the core of our own RM")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    mark = item.get_closest_marker("row")
    results = item.config.stash[_RESULTS]
    if mark is not None and (report.when == "call" or not report.passed):
        row: Row = mark.args[0]
        params = item.callspec.params if hasattr(item, "callspec") else {}
        profile = _profile_of(item)
        variant = f"{SHORT[params['control_type']]}: " if "control_type" in params else ""
        bench = item.funcargs.get("bench")
        if isinstance(bench, Bench):
            bench.tell(results)
        if report.passed:
            results.add(row.id, profile, Verdict.PASS)
        elif report.skipped:
            results.add(row.id, profile, Verdict.NOT_ASKED, variant + report.longrepr[2].removeprefix("Skipped: "))
        else:
            is_own = not item.config.getoption("--rm-port", default=None)
            verdict = verdict_on(call.excinfo.value, row, is_own=is_own)
            if verdict is None:
                results.is_suite_broken = True
                results.add(row.id, profile, Verdict.NOT_ASKED, f"the suite broke: {variant}{_first_line(report)}")
            else:
                why = "" if verdict is Verdict.PASS else variant + _first_line(report)
                results.add(row.id, profile, verdict, why)
    elif mark is None and report.failed:
        results.is_suite_broken = True
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On a foreign RM the exit status is the verdict: whether it broke the published text."""
    if session.config.getoption("--rm-port", default=None) and session.exitstatus == pytest.ExitCode.TESTS_FAILED:
        session.exitstatus = session.config.stash[_RESULTS].exit_status


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    results = config.stash[_RESULTS]
    if not results.verdicts:
        return
    port = config.getoption("--rm-port", default=None)
    subject = f"the RM on port {port}" if port else f"s2d {__version__}"
    terminalreporter.section(f"conformance of {subject}")
    if config.getoption("--conformance-table", default=False):
        for line in results.lines(ROWS.values(), is_coloured=terminalreporter.hasmarkup):
            terminalreporter.write_line(line)
    terminalreporter.write_line(results.summary())
    if path := config.getoption("--conformance-report", default=None):
        lines = [f"Conformance of {subject}, Python {platform.python_version()}", "", *results.lines(ROWS.values())]
        path.write_text("\n".join([*lines, "", results.summary(), ""]))


def _kind_of(item: pytest.Item) -> Kind | None:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return params.get("kind")


def _is_beside_the_kind(item: pytest.Item) -> bool:
    """Whether *item* is about a control type that the kind of device does not offer."""
    kind = _kind_of(item)
    return kind is not None and item.callspec.params.get("control_type", None) not in (None, *kind.offers)


def _profile_of(item: pytest.Item) -> str:
    """By which CEM *item* is asked; what has nothing to do with any goes with the plain one."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return str(params["profile"].name) if "profile" in params else "plain"


def _first_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return _short(str(crash.message if crash else report.longrepr).strip().split("\n")[0])


def _short(reason: str = "") -> str:
    return _WHOLE_MESSAGES.sub("", _EXCEPTION.sub("", reason))[:_REASON_LIMIT]


@asynccontextmanager
async def _at_an_end_within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise NotReached(f"not at an end after {seconds:g} s") from None


class Bench:
    """Where an RM is put to the test by one CEM."""

    def __init__(self, profile: Profile, directory: Path, foreign: Foreign | None, kind: Kind | None = None) -> None:
        """Of our own RM that manages a device of some *kind* no more is asked than of a foreign one."""
        self.profile = profile
        self._kind = kind
        self._faults: list[Fault] = []
        self._has_met = False
        self._directory = directory
        self._foreign = foreign

    @property
    def is_own(self) -> bool:
        """Whether the RM under test is ours, and its hardware in the hands of the suite."""
        return self._foreign is None and self._kind is None

    @property
    def is_of_a_kind(self) -> bool:
        """Whether the RM is ours, and manages simulated hardware in virtual time."""
        return self._kind is not None

    @property
    def is_quick(self) -> bool:
        """Whether what the RM manages can be told something else every 15 s, as far as that is known."""
        return self._kind is None or self._kind.is_quick

    def tell(self, results: Results) -> None:
        """Adds what the RM said, if there was one, by the rows that hold for whatever it says."""
        for row in SAID if self._has_met else ():
            if self.profile.name in (row.profiles or PROFILES):
                whys = [fault.why for fault in self._faults if fault.row is row]
                results.add(row.id, self.profile.name, row.failed if whys else Verdict.PASS, _short(*whys[:1]))

    @asynccontextmanager
    async def cem(
        self,
        plant: Plant | None = None,
        *,
        needs: str = "",
        turns_away_with: int | None = None,
        ssl: SSLContext | None = None,
    ) -> AsyncIterator[Cem]:
        """A CEM that the RM connects to; *plant* is what our RM manages, if it is ours.

        A row that cannot do without the plant says what it *needs*; of a foreign RM it then asks nothing.
        """
        if not self.is_own and needs:
            pytest.skip(f"needs {needs}")
        async with AsyncExitStack() as stack:
            if self._foreign:
                await stack.enter_async_context(_at_an_end_within(ROW_ENDS_WITHIN_S + self._foreign.joins_within_s))
                cem = await stack.enter_async_context(serving(self.profile, self._foreign.door.dup(), self._faults))
                cem.joins_within_s = self._foreign.joins_within_s
                cem.patience_s = self._foreign.patience_s
                cem.answers_within_s = ANSWER_WITHIN_S
                await self._foreign.has_come(cem)
            else:
                cem = await stack.enter_async_context(serving(self.profile, listening(), self._faults, ssl))
                cem.turns_away_with = turns_away_with
                plant = self._kind.plant() if self._kind else plant or home_battery()
                url = f"{'wss' if ssl else 'ws'}://127.0.0.1:{cem.port}/s2"
                await stack.enter_async_context(plant.at_work(url, self._directory))
            self._has_met = True
            yield cem
            for rm in cem.rms.all if self._foreign else ():
                with suppress(AssertionError):  # it has left already
                    await rm.send("SessionRequest", request="RECONNECT")

    @asynccontextmanager
    async def negotiated(self, plant: Plant | None = None, *, needs: str = "") -> AsyncIterator[Rm]:
        """An RM that has introduced itself."""
        async with self.cem(plant, needs=needs) as cem:
            with leading_there("it introduces itself"):
                rm = await cem.joined()
                await rm.negotiate()
                for each in self._kind.offers if self._kind else ():
                    assert await rm.is_offering(each), f"{SHORT[each]} is not offered"
                if self._kind:
                    await asyncio.sleep(_ANSWERS_WITHIN_S)
            yield rm

    @asynccontextmanager
    async def in_charge(
        self, control_type: str = "", plant: Plant | None = None, *, needs: str = ""
    ) -> AsyncIterator[Rm]:
        """An RM that is under *control_type*; of an RM that does not offer it nothing is asked."""
        if (self._foreign and control_type in self._foreign.lacks) or (
            self._kind and control_type not in self._kind.offers
        ):
            pytest.skip(f"{SHORT[control_type]} is not offered")
        async with self.negotiated(plant or PLANTS[control_type](), needs=needs) as rm:
            with leading_there(f"{SHORT[control_type]} is in charge"):
                await self.select(rm, control_type)
            yield rm

    async def select(self, rm: Rm, control_type: str) -> None:
        """Has *rm* under *control_type*, as soon as it is offered."""
        if not await rm.is_offering(control_type):
            assert self._foreign, f"{SHORT[control_type]} is not offered"
            self._foreign.lacks.add(control_type)
            pytest.skip(f"{SHORT[control_type]} is not offered")
        await rm.take_charge(control_type)

    async def joined(self, cem: Cem, control_type: str) -> Rm:
        """The RM that connects to *cem*, under *control_type*."""
        rm = await cem.joined()
        await rm.negotiate()
        await self.select(rm, control_type)
        return rm

    async def ordered(self, cem: Cem) -> Rm:
        """The RM that connects to *cem*, whose battery charges at full power, as ordered."""
        rm = await self.joined(cem, FRBC)
        assert (await rm.fate_of(await rm.instruct(rm.mode("charge"), 1.0)))[-1] == "SUCCEEDED"
        return rm

    async def any_charge(self, rm: Rm) -> str:
        """Has *rm* under the first control type it offers that has instructions by mode; else nothing is asked."""
        offered = [each for each in rm.details["available_control_types"] if each in SHORT]
        if not offered:
            pytest.skip("no control type is offered")
        await rm.take_charge(offered[0])
        return offered[0]


@pytest.fixture(scope="session")
def foreign(pytestconfig: pytest.Config) -> Iterator[Foreign | None]:
    port = pytestconfig.getoption("--rm-port", default=None)
    if port is None:
        yield None
        return
    with listening(port, host="") as door:
        waits_s = map(pytestconfig.getoption, ("--rm-joins-within", "--rm-patience"))
        yield Foreign(door, *waits_s, restart=pytestconfig.getoption("--rm-restart"))


@pytest.fixture
def bench(profile: Profile, kind: Kind | None, tmp_path: Path, foreign: Foreign | None) -> Bench:
    return Bench(profile, tmp_path, foreign, kind)


@pytest.fixture
def own(bench: Bench) -> Bench:
    """The bench, for rows that only our own RM can be asked."""
    if not bench.is_own:
        pytest.skip(_NOT_OURS)
    return bench
