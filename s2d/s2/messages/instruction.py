"""What a CEM orders, whatever the control type."""

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
