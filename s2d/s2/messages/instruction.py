"""Instructions of every control type, as one type: what a CEM orders."""

from typing import TypeAlias

from . import ddbc, frbc, ombc, pebc, ppbc

Instruction: TypeAlias = (
    frbc.Instruction
    | pebc.Instruction
    | ombc.Instruction
    | ddbc.Instruction
    | ppbc.ScheduleInstruction
    | ppbc.StartInterruptionInstruction
    | ppbc.EndInterruptionInstruction
)
