"""Messages that belong to no control type, and the parts that all messages are built from.

Names, spellings and bounds are the wire's. Units: power in W, consumption positive; durations in whole milliseconds;
rates per second; timestamps aware.

Spec: S2 JSON 0.0.2-beta and 1.0.0, in which these are the same.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from msgspec import Meta, Struct

ID = Annotated[str, Meta(min_length=2, max_length=64, extra_json_schema={"pattern": r"^[a-zA-Z0-9\-_:]{2,64}$"})]
"""2 to 64 of `a-zA-Z0-9-_:`. Which letters it has is checked by `vet`, for all ids of a message at once."""

Duration = Annotated[int, Meta(ge=0)]
"""Milliseconds."""

Timestamp = Annotated[datetime, Meta(tz=True)]

NIL_ID = "00000000-0000-0000-0000-000000000000"
"""Stands for the message whose id could not be read."""

_T = TypeVar("_T")
UpTo3 = Annotated[tuple[_T, ...], Meta(min_length=1, max_length=3)]
UpTo4 = Annotated[tuple[_T, ...], Meta(min_length=1, max_length=4)]
UpTo5 = Annotated[tuple[_T, ...], Meta(min_length=1, max_length=5)]
UpTo10 = Annotated[tuple[_T, ...], Meta(min_length=1, max_length=10)]
UpTo100 = Annotated[tuple[_T, ...], Meta(min_length=1, max_length=100)]
UpTo288 = Annotated[tuple[_T, ...], Meta(min_length=1, max_length=288)]
Many = Annotated[tuple[_T, ...], Meta(max_length=1000)]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A part of messages. None means the property is absent."""


class Tagged(Part, frozen=True, kw_only=True, tag_field="message_type"):
    """A message, which is sent as a frame of its own."""


class Message(Tagged, frozen=True, kw_only=True):
    """A message that is answered by a ReceptionStatus."""

    message_id: ID


class EnergyManagementRole(StrEnum):
    CEM = "CEM"
    RM = "RM"


class ControlType(StrEnum):
    POWER_ENVELOPE_BASED_CONTROL = "POWER_ENVELOPE_BASED_CONTROL"
    POWER_PROFILE_BASED_CONTROL = "POWER_PROFILE_BASED_CONTROL"
    OPERATION_MODE_BASED_CONTROL = "OPERATION_MODE_BASED_CONTROL"
    FILL_RATE_BASED_CONTROL = "FILL_RATE_BASED_CONTROL"
    DEMAND_DRIVEN_BASED_CONTROL = "DEMAND_DRIVEN_BASED_CONTROL"
    NOT_CONTROLABLE = "NOT_CONTROLABLE"
    NO_SELECTION = "NO_SELECTION"


CONTROL_TYPES = {
    "frbc": ControlType.FILL_RATE_BASED_CONTROL,
    "pebc": ControlType.POWER_ENVELOPE_BASED_CONTROL,
    "ppbc": ControlType.POWER_PROFILE_BASED_CONTROL,
    "ombc": ControlType.OPERATION_MODE_BASED_CONTROL,
    "ddbc": ControlType.DEMAND_DRIVEN_BASED_CONTROL,
}
"""By the short names people use."""


class Commodity(StrEnum):
    GAS = "GAS"
    HEAT = "HEAT"
    ELECTRICITY = "ELECTRICITY"
    OIL = "OIL"


class CommodityQuantity(StrEnum):
    ELECTRIC_POWER_L1 = "ELECTRIC.POWER.L1"
    ELECTRIC_POWER_L2 = "ELECTRIC.POWER.L2"
    ELECTRIC_POWER_L3 = "ELECTRIC.POWER.L3"
    ELECTRIC_POWER_3_PHASE_SYMMETRIC = "ELECTRIC.POWER.3_PHASE_SYMMETRIC"
    NATURAL_GAS_FLOW_RATE = "NATURAL_GAS.FLOW_RATE"
    """l/s"""
    HYDROGEN_FLOW_RATE = "HYDROGEN.FLOW_RATE"
    """g/s"""
    HEAT_TEMPERATURE = "HEAT.TEMPERATURE"
    """°C"""
    HEAT_FLOW_RATE = "HEAT.FLOW_RATE"
    """l/s"""
    HEAT_THERMAL_POWER = "HEAT.THERMAL_POWER"
    """W"""
    OIL_FLOW_RATE = "OIL.FLOW_RATE"
    """l/h"""


class RoleType(StrEnum):
    ENERGY_PRODUCER = "ENERGY_PRODUCER"
    ENERGY_CONSUMER = "ENERGY_CONSUMER"
    ENERGY_STORAGE = "ENERGY_STORAGE"


class InstructionStatus(StrEnum):
    NEW = "NEW"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    REVOKED = "REVOKED"
    STARTED = "STARTED"
    SUCCEEDED = "SUCCEEDED"
    ABORTED = "ABORTED"


class ReceptionStatusValues(StrEnum):
    INVALID_DATA = "INVALID_DATA"
    INVALID_MESSAGE = "INVALID_MESSAGE"
    INVALID_CONTENT = "INVALID_CONTENT"
    TEMPORARY_ERROR = "TEMPORARY_ERROR"
    PERMANENT_ERROR = "PERMANENT_ERROR"
    OK = "OK"


class SessionRequestType(StrEnum):
    RECONNECT = "RECONNECT"
    TERMINATE = "TERMINATE"


class RevokableObjects(StrEnum):
    PEBC_POWER_CONSTRAINTS = "PEBC.PowerConstraints"
    PEBC_ENERGY_CONSTRAINT = "PEBC.EnergyConstraint"
    PEBC_INSTRUCTION = "PEBC.Instruction"
    PPBC_POWER_PROFILE_DEFINITION = "PPBC.PowerProfileDefinition"
    PPBC_SCHEDULE_INSTRUCTION = "PPBC.ScheduleInstruction"
    PPBC_START_INTERRUPTION_INSTRUCTION = "PPBC.StartInterruptionInstruction"
    PPBC_END_INTERRUPTION_INSTRUCTION = "PPBC.EndInterruptionInstruction"
    OMBC_SYSTEM_DESCRIPTION = "OMBC.SystemDescription"
    OMBC_INSTRUCTION = "OMBC.Instruction"
    FRBC_SYSTEM_DESCRIPTION = "FRBC.SystemDescription"
    FRBC_INSTRUCTION = "FRBC.Instruction"
    DDBC_SYSTEM_DESCRIPTION = "DDBC.SystemDescription"
    DDBC_INSTRUCTION = "DDBC.Instruction"


_CURRENCIES = (
    "AED ANG AUD CHE CHF CHW EUR GBP LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRO MUR MVR MWK MXN MXV MYR MZN "
    "NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLL SOS "
    "SRD SSP STD SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UZS VEF VND VUV WST XAG XAU XBA "
    "XBB XBC XBD XCD XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWL"
)
Currency = StrEnum("Currency", {code: code for code in _CURRENCIES.split()})  # type: ignore[misc]


class NumberRange(Part, frozen=True, kw_only=True):
    start_of_range: float
    end_of_range: float


class PowerRange(Part, frozen=True, kw_only=True):
    """Power at operation mode factor 0 (start) and 1 (end)."""

    start_of_range: float
    end_of_range: float
    commodity_quantity: CommodityQuantity


class PowerValue(Part, frozen=True, kw_only=True):
    commodity_quantity: CommodityQuantity
    value: float


class Role(Part, frozen=True, kw_only=True):
    role: RoleType
    commodity: Commodity


class Timer(Part, frozen=True, kw_only=True):
    id: ID
    diagnostic_label: str | None = None
    duration: Duration


class Transition(Part, frozen=True, kw_only=True, rename={"from_": "from"}):
    id: ID
    from_: ID
    to: ID
    start_timers: Many[ID]
    blocking_timers: Many[ID]
    transition_costs: float | None = None
    transition_duration: Duration | None = None
    abnormal_condition_only: bool


class PowerForecastValue(Part, frozen=True, kw_only=True):
    value_upper_limit: float | None = None
    value_upper_95PPR: float | None = None  # noqa: N815 (the wire's spelling)
    value_upper_68PPR: float | None = None  # noqa: N815
    value_expected: float
    value_lower_68PPR: float | None = None  # noqa: N815
    value_lower_95PPR: float | None = None  # noqa: N815
    value_lower_limit: float | None = None
    commodity_quantity: CommodityQuantity


class PowerForecastElement(Part, frozen=True, kw_only=True):
    duration: Duration
    power_values: UpTo10[PowerForecastValue]


class Handshake(Message, frozen=True, kw_only=True, tag="Handshake"):
    """Opens a session, from both sides."""

    role: EnergyManagementRole
    supported_protocol_versions: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None


class HandshakeResponse(Message, frozen=True, kw_only=True, tag="HandshakeResponse"):
    """The CEM's choice of version."""

    selected_protocol_version: str


class ReceptionStatus(Tagged, frozen=True, kw_only=True, tag="ReceptionStatus"):
    """What became of a message; the only message without an id, and the only one not answered."""

    subject_message_id: ID
    status: ReceptionStatusValues
    diagnostic_label: str | None = None


class ResourceManagerDetails(Message, frozen=True, kw_only=True, tag="ResourceManagerDetails"):
    resource_id: ID
    name: str | None = None
    roles: UpTo3[Role]
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    firmware_version: str | None = None
    instruction_processing_delay: Duration
    available_control_types: UpTo5[ControlType]
    currency: Currency | None = None
    provides_forecast: bool
    provides_power_measurement_types: UpTo10[CommodityQuantity]


class SelectControlType(Message, frozen=True, kw_only=True, tag="SelectControlType"):
    control_type: ControlType


class SessionRequest(Message, frozen=True, kw_only=True, tag="SessionRequest"):
    request: SessionRequestType
    diagnostic_label: str | None = None


class RevokeObject(Message, frozen=True, kw_only=True, tag="RevokeObject"):
    object_type: RevokableObjects
    object_id: ID


class InstructionStatusUpdate(Message, frozen=True, kw_only=True, tag="InstructionStatusUpdate"):
    instruction_id: ID
    """The instruction's `id`, not its `message_id`."""
    status_type: InstructionStatus
    timestamp: Timestamp


class PowerMeasurement(Message, frozen=True, kw_only=True, tag="PowerMeasurement"):
    measurement_timestamp: Timestamp
    values: UpTo10[PowerValue]


class PowerForecast(Message, frozen=True, kw_only=True, tag="PowerForecast"):
    start_time: Timestamp
    elements: UpTo288[PowerForecastElement]


MESSAGES = (
    Handshake,
    HandshakeResponse,
    ReceptionStatus,
    ResourceManagerDetails,
    SelectControlType,
    SessionRequest,
    RevokeObject,
    InstructionStatusUpdate,
    PowerMeasurement,
    PowerForecast,
)
