"""The RM under test, and what a CEM does with it: settles on a version, takes charge, gives instructions."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from .connection import Connection
from .rows import Differs, leading_there
from .wire import (
    DESCRIPTION,
    FINAL,
    FRBC,
    NO_SELECTION,
    OMBC,
    SHORT,
    Message,
    Order,
    new_id,
)


class Machine(NamedTuple):
    """What one actuator, or in OMBC the whole resource, can do."""

    scope: dict[str, str]
    """The field that names it in a message; none in OMBC."""
    description: Message

    @property
    def modes(self) -> list[str]:
        """The ids of its operation modes, in order."""
        return [mode.get("id") or mode["Id"] for mode in self.description["operation_modes"]]

    def leads(self, before: str, after: str) -> bool:
        """Whether some transition leads there under normal conditions; without any transition all do."""
        ways = self.description["transitions"]
        return not ways or any(
            (way["from"], way["to"]) == (before, after) and not way["abnormal_condition_only"] for way in ways
        )


def versions_of(hello: Message) -> list[str]:
    """The versions a Handshake lists; the schema lets an RM list none, the text of the field does not."""
    versions: list[str] = hello.get("supported_protocol_versions", [])
    assert versions, "its Handshake lists no version"
    return versions


class Rm(Connection):
    """The RM under test, as its CEM has it."""

    control_type = NO_SELECTION
    """The one selected."""
    description: Message
    """Of that control type; there is none before the first is selected."""

    @property
    def details(self) -> Message:
        """Its newest introduction."""
        return self.told("ResourceManagerDetails")[-1]

    async def negotiate(self, version: str = "") -> Message:
        """Settles on *version*, or on what the CEM picks; returns how the RM introduces itself."""
        hello = await self.expect("Handshake")
        if self.profile.says_hello:
            await self.must_take("Handshake", role="CEM", supported_protocol_versions=["0.0.2-beta", "1.0.0"])
        self.version = version or self.profile.version_of(versions_of(hello))
        await self.must_take("HandshakeResponse", selected_protocol_version=self.version)
        return await self.expect("ResourceManagerDetails", within_s=self.answers_within_s)

    async def is_offering(self, control_type: str, within_s: float | None = None) -> bool:
        """Whether it offers *control_type*, now or within that time."""

        def offers(heard: list[Message]) -> bool:
            return any(control_type in each.get("available_control_types", ()) for each in heard)

        with suppress(AssertionError):
            await self.heard.until(offers, f"offering {control_type}", within_s)
        return offers(self.heard.all)

    async def select(self, control_type: str) -> None:
        """Selects it; a CEM that walks has selected all the others before."""
        if self.profile.walks and self.control_type == NO_SELECTION:
            for other in self.details["available_control_types"]:
                if other != control_type:
                    await self.must_take("SelectControlType", control_type=other)
        await self.must_take("SelectControlType", control_type=control_type)
        self.control_type = control_type

    async def take_charge(self, control_type: str) -> Message:
        """Selects *control_type*; returns the description that follows."""
        await self.select(control_type)
        self.description = await self.expect(DESCRIPTION[control_type])
        return self.description

    @property
    def machines(self) -> list[Machine]:
        """Of the description in force, under FRBC, OMBC and DDBC."""
        if self.control_type == OMBC:
            return [Machine({}, self.description)]
        return [Machine({"actuator_id": each["id"]}, each) for each in self.description["actuators"]]

    def machine(self, scope: str = "") -> Machine:
        """The one of the actuator *scope*; the first unless named."""
        return next(each for each in self.machines if scope in ("", *each.scope.values()))

    def mode(self, label: str) -> str:
        """The id of the mode whose label begins with *label*, or which is called so."""
        for mode in self.machine().description["operation_modes"]:
            mode_id = mode.get("id") or mode["Id"]
            if label in (mode_id, str(mode.get("diagnostic_label")).split(" ")[0]):
                return mode_id
        raise AssertionError(f"no mode {label}")

    async def statuses(self, machine: Machine) -> list[Message]:
        """All that was told of what *machine* does, once something was."""
        name = self.status_type
        with leading_there("what it does is told"):
            await self.heard.until(lambda _: self.told(name, **machine.scope), f"{name} told")
        return self.told(name, **machine.scope)

    @property
    def status_type(self) -> str:
        """The message by which it tells what it does, under FRBC, OMBC and DDBC."""
        return "OMBC.Status" if self.control_type == OMBC else f"{SHORT[self.control_type]}.ActuatorStatus"

    async def active_mode(self, machine: Machine) -> str:
        return str((await self.statuses(machine))[-1]["active_operation_mode_id"])

    async def elsewhere(self) -> str:
        """A mode the first machine may go to from the one it is in, with the present fill level."""
        machine = self.machine()
        active = await self.active_mode(machine)
        for mode_id, mode in zip(machine.modes, machine.description["operation_modes"], strict=True):
            is_open = mode_id != active and machine.leads(active, mode_id) and not mode["abnormal_condition_only"]
            if is_open and await self._is_fit(mode):
                return mode_id
        return active

    async def _is_fit(self, mode: Message) -> bool:
        if self.control_type != FRBC:
            return True
        with leading_there("the fill level is told"):
            await self.heard.until(lambda _: self.told("FRBC.StorageStatus"), "FRBC.StorageStatus told")
        level = self.told("FRBC.StorageStatus")[-1]["present_fill_level"]
        ranges = [element["fill_level_range"] for element in mode["elements"]]
        return any(each["start_of_range"] < level < each["end_of_range"] for each in ranges)

    def instruction(
        self, mode: str, factor: float = 0.0, *, of: str = "", at: datetime | None = None, **changes: Any
    ) -> Message:
        """An instruction under FRBC, OMBC or DDBC, to be sent; immediate unless *at* says when."""
        short = SHORT[self.control_type]
        late = timedelta(seconds=self.profile.instructs_late_s)
        known = {
            "message_type": f"{short}.Instruction",
            "message_id": new_id(),
            "id": new_id(),
            "operation_mode" if short == "FRBC" else "operation_mode_id": mode,
            "operation_mode_factor": factor,
            "execution_time": (at or datetime.now(UTC) - late).isoformat(),
            "abnormal_condition": False,
        }
        return known | self.machine(of).scope | changes

    async def instruct(
        self, mode: str, factor: float = 0.0, *, of: str = "", at: datetime | None = None, **changes: Any
    ) -> Order:
        """Gives an instruction, which the RM must take."""
        return await self.give(self.instruction(mode, factor, of=of, at=at, **changes))

    async def give(self, instruction: Message) -> Order:
        await self.must_accept(instruction)
        return Order(instruction["id"], instruction["message_id"])

    async def is_turned_down(self, instruction: Message) -> bool:
        """Whether it is refused in the answer, or taken and then REJECTED."""
        if (await self.tell_whole(instruction))["status"] != "OK":
            return True
        return await self.fate_of(Order(instruction["id"], instruction["message_id"])) == ["REJECTED"]

    async def revoke(self, order: Order, object_type: str = "", **changes: Any) -> Message:
        """Takes *order* back, by the id that such a CEM uses; returns the answer."""
        object_type = object_type or f"{SHORT[self.control_type]}.Instruction"
        known = {"object_type": object_type, "object_id": getattr(order, self.profile.revokes_by)}
        return await self.tell("RevokeObject", **(known | changes))

    def steps_of(self, order: Order) -> list[str]:
        """All that was said of it so far but NEW, which an RM may leave unsaid.

        What is told again because the CEM had no use for it counts once.
        """
        told = [str(each["status_type"]) for each in self.told("InstructionStatusUpdate", instruction_id=order.id)]
        told = [each for each in told if each != "NEW"]
        return list(dict.fromkeys(told)) if "InstructionStatusUpdate" in self.profile.unhandled else told

    async def reached(self, order: Order, status: str, within_s: float | None = None) -> Message:
        """The update that says so, once it was said."""
        with leading_there("what becomes of an instruction is told"):
            await self.heard.until(lambda _: status in self.steps_of(order), f"{status}", within_s)
        return self.told("InstructionStatusUpdate", instruction_id=order.id, status_type=status)[0]

    async def fate_of(self, order: Order, within_s: float | None = None) -> list[str]:
        """All that was said of it, once it has ended."""
        with leading_there("what becomes of an instruction is told"):
            await self.heard.until(
                lambda _: any(step in FINAL for step in self.steps_of(order)), f"at the end of {order}", within_s
            )
        return self.steps_of(order)

    async def is_well(self) -> None:
        """Whether the session still goes on, and nothing is left unanswered."""
        try:
            await self.must_take("SelectControlType", control_type=self.control_type)
            assert not self._asked, f"never answered: {self._asked}"
        except AssertionError as exc:
            raise Differs(f"the session does not go on: {exc}") from exc

    async def reconnect(self) -> None:
        """Has it leave and come back."""
        with leading_there("it reconnects when asked to"):
            await self.must_take("SessionRequest", request="RECONNECT")
            await self.has_ended()
