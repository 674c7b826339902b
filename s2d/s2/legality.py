"""Legality of messages: who may say what and when, by phase of the session, by control type, by side.

Spec: EN 50491-12-2 as carried by S2 JSON, "State of communication".
"""

from enum import StrEnum

from .messages import ddbc, frbc, ombc, pebc, ppbc
from .messages.common import (
    ControlType,
    Handshake,
    HandshakeResponse,
    InstructionStatusUpdate,
    Message,
    PowerForecast,
    PowerMeasurement,
    ReceptionStatus,
    ResourceManagerDetails,
    RevokeObject,
    SelectControlType,
    SessionRequest,
    Tagged,
)


class Phase(StrEnum):
    """A phase of the session."""

    NEGOTIATING = "negotiating"
    INITIALISED = "initialised"
    ACTIVE = "active"


INSTRUCTIONS: dict[ControlType, tuple[type[Message], ...]] = {
    ControlType.FILL_RATE_BASED_CONTROL: (frbc.Instruction,),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: (pebc.Instruction,),
    ControlType.OPERATION_MODE_BASED_CONTROL: (ombc.Instruction,),
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: (ddbc.Instruction,),
    ControlType.POWER_PROFILE_BASED_CONTROL: (
        ppbc.ScheduleInstruction,
        ppbc.StartInterruptionInstruction,
        ppbc.EndInterruptionInstruction,
    ),
}
"""What a CEM may order under each control type."""

STATUSES: dict[ControlType, tuple[type[Message], ...]] = {
    ControlType.FILL_RATE_BASED_CONTROL: (
        frbc.SystemDescription,
        frbc.StorageStatus,
        frbc.ActuatorStatus,
        frbc.TimerStatus,
        frbc.LeakageBehaviour,
        frbc.UsageForecast,
        frbc.FillLevelTargetProfile,
    ),
    ControlType.POWER_ENVELOPE_BASED_CONTROL: (pebc.PowerConstraints, pebc.EnergyConstraint),
    ControlType.OPERATION_MODE_BASED_CONTROL: (ombc.SystemDescription, ombc.Status, ombc.TimerStatus),
    ControlType.DEMAND_DRIVEN_BASED_CONTROL: (
        ddbc.SystemDescription,
        ddbc.SystemDescriptionBeta,
        ddbc.PresentDemandStatus,
        ddbc.ActuatorStatus,
        ddbc.TimerStatus,
        ddbc.AverageDemandRateForecast,
    ),
    ControlType.POWER_PROFILE_BASED_CONTROL: (ppbc.PowerProfileDefinition, ppbc.PowerProfileStatus),
}
"""What an RM may tell under each control type."""

CEM_MAY_SEND: dict[Phase, tuple[type[Tagged], ...]] = {
    Phase.NEGOTIATING: (Handshake, HandshakeResponse, SessionRequest, ReceptionStatus),
    Phase.INITIALISED: (SelectControlType, SessionRequest, ReceptionStatus, RevokeObject),
    Phase.ACTIVE: (SelectControlType, SessionRequest, ReceptionStatus, RevokeObject),
}
"""Beside the instructions of the active control type. A CEM in the field revokes although the table omits it."""

RM_MAY_SEND: dict[Phase, tuple[type[Tagged], ...]] = {
    Phase.NEGOTIATING: (Handshake, SessionRequest, ReceptionStatus),
    Phase.INITIALISED: (ResourceManagerDetails, PowerMeasurement, PowerForecast, SessionRequest, ReceptionStatus),
    Phase.ACTIVE: (
        ResourceManagerDetails,
        PowerMeasurement,
        PowerForecast,
        SessionRequest,
        ReceptionStatus,
        InstructionStatusUpdate,
        RevokeObject,
    ),
}
"""Beside the statuses of the active control type."""
