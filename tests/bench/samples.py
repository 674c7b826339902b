"""One realistic message of every type of S2 Common and FRBC, as they travel between our battery and a CEM."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from s2d.messages import frbc, wire
from s2d.messages.common import (
    Commodity,
    CommodityQuantity,
    ControlType,
    EnergyManagementRole,
    Handshake,
    HandshakeResponse,
    InstructionStatus,
    InstructionStatusUpdate,
    NumberRange,
    PowerForecast,
    PowerForecastElement,
    PowerForecastValue,
    PowerMeasurement,
    PowerValue,
    ReceptionStatus,
    ReceptionStatusValues,
    ResourceManagerDetails,
    RevokableObjects,
    RevokeObject,
    Role,
    RoleType,
    SelectControlType,
    SessionRequest,
    SessionRequestType,
    Tagged,
)
from tests.core.stage import Stage

ELEMENTS = 24
"""A forecast of a day, by the hour."""

_HOUR_MS = 3_600_000
_POWER = CommodityQuantity.ELECTRIC_POWER_L1


def samples() -> dict[str, Tagged]:
    """Message type → a message."""
    stage = Stage()
    battery = stage.battery
    now = datetime.now(UTC)
    found: list[Tagged] = [
        Handshake(message_id=_id(), role=EnergyManagementRole.RM, supported_protocol_versions=("0.0.2-beta", "1.0.0")),
        HandshakeResponse(message_id=_id(), selected_protocol_version="0.0.2-beta"),
        ReceptionStatus(subject_message_id=_id(), status=ReceptionStatusValues.OK),
        ResourceManagerDetails(
            message_id=_id(),
            resource_id=_id(),
            name="Home battery",
            roles=(Role(role=RoleType.ENERGY_STORAGE, commodity=Commodity.ELECTRICITY),),
            manufacturer="Victron Energy",
            model="MultiPlus-II 48/5000",
            serial_number="HQ2150ABCDE",
            firmware_version="502",
            instruction_processing_delay=1000,
            available_control_types=(ControlType.FILL_RATE_BASED_CONTROL,),
            provides_forecast=False,
            provides_power_measurement_types=(_POWER,),
        ),
        SelectControlType(message_id=_id(), control_type=ControlType.FILL_RATE_BASED_CONTROL),
        SessionRequest(
            message_id=_id(), request=SessionRequestType.RECONNECT, diagnostic_label="the CEM restarts in a minute"
        ),
        RevokeObject(message_id=_id(), object_type=RevokableObjects.FRBC_INSTRUCTION, object_id=_id()),
        InstructionStatusUpdate(
            message_id=_id(), instruction_id=_id(), status_type=InstructionStatus.SUCCEEDED, timestamp=now
        ),
        PowerMeasurement(
            message_id=_id(),
            measurement_timestamp=now,
            values=(PowerValue(commodity_quantity=_POWER, value=-1523.0),),
        ),
        PowerForecast(message_id=_id(), start_time=now, elements=tuple(map(_power_element, range(ELEMENTS)))),
        frbc.SystemDescription(
            message_id=_id(), valid_from=now, actuators=battery.actuators(), storage=battery.storage()
        ),
        frbc.StorageStatus(message_id=_id(), present_fill_level=53.4),
        frbc.ActuatorStatus(
            message_id=_id(),
            actuator_id=battery.actuator_id,
            active_operation_mode_id=stage.charge,
            operation_mode_factor=0.3046,
            previous_operation_mode_id=stage.idle,
            transition_timestamp=now,
        ),
        frbc.TimerStatus(message_id=_id(), timer_id=_id(), actuator_id=battery.actuator_id, finished_at=now),
        frbc.LeakageBehaviour(message_id=_id(), valid_from=now, elements=tuple(map(_leakage_element, range(10)))),
        frbc.UsageForecast(message_id=_id(), start_time=now, elements=tuple(map(_usage_element, range(ELEMENTS)))),
        frbc.FillLevelTargetProfile(
            message_id=_id(), start_time=now, elements=tuple(map(_target_element, range(ELEMENTS)))
        ),
        frbc.Instruction(
            message_id=_id(),
            id=_id(),
            actuator_id=battery.actuator_id,
            operation_mode=stage.charge,
            operation_mode_factor=0.3046,
            execution_time=now + timedelta(minutes=5),
            abnormal_condition=False,
        ),
    ]
    return {wire.name_of(type(message)): message for message in found}


def _id() -> str:
    return str(uuid4())


def _power_element(hour: int) -> PowerForecastElement:
    value = PowerForecastValue(
        value_upper_limit=1800.0,
        value_upper_95PPR=1500.0 + hour,
        value_upper_68PPR=1200.0 + hour,
        value_expected=1000.0 + hour,
        value_lower_68PPR=800.0 + hour,
        value_lower_95PPR=500.0 + hour,
        value_lower_limit=0.0,
        commodity_quantity=_POWER,
    )
    return PowerForecastElement(duration=_HOUR_MS, power_values=(value,))


def _leakage_element(step: int) -> frbc.LeakageBehaviourElement:
    levels = NumberRange(start_of_range=10.0 * step, end_of_range=10.0 * step + 10.0)
    return frbc.LeakageBehaviourElement(fill_level_range=levels, leakage_rate=0.0001 * (step + 1))


def _usage_element(hour: int) -> frbc.UsageForecastElement:
    return frbc.UsageForecastElement(
        duration=_HOUR_MS,
        usage_rate_upper_limit=0.02,
        usage_rate_expected=0.001 * (hour + 1) / 24,
        usage_rate_lower_limit=0.0,
    )


def _target_element(hour: int) -> frbc.FillLevelTargetProfileElement:
    levels = NumberRange(start_of_range=20.0 + hour, end_of_range=60.0 + hour)
    return frbc.FillLevelTargetProfileElement(duration=_HOUR_MS, fill_level_range=levels)
