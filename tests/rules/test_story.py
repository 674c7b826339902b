"""A battery and its CEM, both judged: what the core says breaks no rule, and it refuses what the rules refuse."""

import pytest

from s2d.s2.effects import Effect, Event, Received, Send
from s2d.s2.messages import wire
from s2d.s2.messages.common import Message, ReceptionStatus, Tagged
from s2d.s2.rules import History, Severity, judge

from ..contract.test_messages import UuidStage, everything_said
from ..core.stage import settings
from .valid import CEM, RM


class JudgedStage(UuidStage):
    """Both sides' messages are judged as they pass, and noted if they are valid."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.history = History()
        self.blamed: list[str] = []
        """What the rules say of what the core said."""
        self.verdicts: list[tuple[list[str], str | None]] = []
        """For each message of the CEM, the errors found, and the label that the core refused it with."""

    def on(self, event: Event) -> list[Effect]:
        heard = self._decoded(event)
        errors: list[str] = []
        if heard is not None:
            violations = judge(heard, CEM, self.history, self.now)
            errors = [each.label for each in violations if each.rule.severity is Severity.ERROR]
            if not errors and isinstance(heard, Message):
                self.history.record(heard, self.now)
        effects = super().on(event)
        for message in [effect.message for effect in effects if isinstance(effect, Send)]:
            self.blamed += [each.label for each in judge(message, RM, self.history, self.now)]
            if isinstance(message, Message):
                self.history.record(message, self.now)
            if heard is not None and isinstance(message, ReceptionStatus):
                self.verdicts.append((errors, message.diagnostic_label))
        return effects

    def _decoded(self, event: Event) -> Tagged | None:
        if not isinstance(event, Received) or isinstance(event.frame, bytes):
            return None
        try:
            return wire.decode(event.frame)
        except wire.UnreadableFrame:
            return None


@pytest.mark.parametrize(
    "stage",
    [
        JudgedStage(),
        JudgedStage(settings=settings(phases=3, min_charge_power_w=200.0, fill_level_unit="Wh")),
        JudgedStage(settings=settings(phases=3), points=("soc", "power", "power_l1", "power_l2", "power_l3")),
    ],
    ids=["one phase", "three phases", "three phases measured one by one"],
)
def test_a_day_of_a_battery_breaks_no_rule(stage: JudgedStage) -> None:
    everything_said(stage)
    assert stage.blamed == []


def test_the_core_refuses_what_the_rules_refuse_in_the_same_words() -> None:
    stage = JudgedStage()
    stage.active()
    for changes in ({"actuator_id": "nobody"}, {"factor": 7.0}, {"mode": "sleep"}, {"id": "twice"}, {"id": "twice"}):
        how = {"mode": stage.charge, "factor": 0.5} | changes
        stage.hears(stage.instruction("", **how))  # type: ignore[arg-type]
    stage.measured(soc=99.0)
    stage.elapsed_s += 5  # a CEM that does not know by now never will
    stage.hears(stage.instruction("", stage.charge, 0.5))
    refused = [(errors[:1], [label] if label else []) for errors, label in stage.verdicts]
    assert all(errors == label for errors, label in refused)
    assert [label[0].split()[0] for _, label in refused if label] == [
        "FRBC-003",
        "NUM-004",
        "FRBC-004",
        "INST-001",
        "FRBC-005",
    ]
