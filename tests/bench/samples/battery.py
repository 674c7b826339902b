"""S2 Common and FRBC as they travel between our battery and a CEM."""

from datetime import datetime, timedelta
from itertools import cycle, islice, pairwise

from msgspec.structs import replace

from s2d.s2.messages import frbc
from s2d.s2.messages.common import (
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
    Timer,
)
from tests.core.stage import Stage

from .ids import new_id

_HOUR_MS = 3_600_000
_MODES, _BANDS = 12, 7
_POWER = CommodityQuantity.ELECTRIC_POWER_L1


def common_samples(now: datetime, elements: int) -> list[Tagged]:
    """One message of each type of S2 Common; the forecast has that many elements."""
    return [
        Handshake(
            message_id=new_id(), role=EnergyManagementRole.RM, supported_protocol_versions=("0.0.2-beta", "1.0.0")
        ),
        HandshakeResponse(message_id=new_id(), selected_protocol_version="0.0.2-beta"),
        ReceptionStatus(subject_message_id=new_id(), status=ReceptionStatusValues.OK),
        ResourceManagerDetails(
            message_id=new_id(),
            resource_id=new_id(),
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
        SelectControlType(message_id=new_id(), control_type=ControlType.FILL_RATE_BASED_CONTROL),
        SessionRequest(
            message_id=new_id(), request=SessionRequestType.RECONNECT, diagnostic_label="the CEM restarts in a minute"
        ),
        RevokeObject(message_id=new_id(), object_type=RevokableObjects.FRBC_INSTRUCTION, object_id=new_id()),
        InstructionStatusUpdate(
            message_id=new_id(), instruction_id=new_id(), status_type=InstructionStatus.SUCCEEDED, timestamp=now
        ),
        PowerMeasurement(
            message_id=new_id(),
            measurement_timestamp=now,
            values=(PowerValue(commodity_quantity=_POWER, value=-1523.0),),
        ),
        power_forecast(now, elements),
    ]


def frbc_samples(now: datetime, elements: int) -> list[Tagged]:
    """One message of each type of FRBC; forecasts have that many elements."""
    stage = Stage()
    battery = stage.battery.description
    return [
        frbc.SystemDescription(
            message_id=new_id(),
            valid_from=now,
            actuators=battery.actuators,
            storage=battery.storage,
        ),
        frbc.StorageStatus(message_id=new_id(), present_fill_level=53.4),
        frbc.ActuatorStatus(
            message_id=new_id(),
            actuator_id=battery.actuator_id,
            active_operation_mode_id=stage.charge,
            operation_mode_factor=0.3046,
            previous_operation_mode_id=stage.idle,
            transition_timestamp=now,
        ),
        frbc.TimerStatus(message_id=new_id(), timer_id=new_id(), actuator_id=battery.actuator_id, finished_at=now),
        frbc.LeakageBehaviour(message_id=new_id(), valid_from=now, elements=tuple(map(_leakage_element, range(10)))),
        usage_forecast(now, elements),
        frbc.FillLevelTargetProfile(
            message_id=new_id(), start_time=now, elements=tuple(map(_target_element, range(elements)))
        ),
        frbc.Instruction(
            message_id=new_id(),
            id=new_id(),
            actuator_id=battery.actuator_id,
            operation_mode=stage.charge,
            operation_mode_factor=0.3046,
            execution_time=now + timedelta(minutes=5),
            abnormal_condition=False,
        ),
    ]


def power_forecast(start_time: datetime, elements: int) -> PowerForecast:
    """All bands told."""
    return PowerForecast(
        message_id=new_id(), start_time=start_time, elements=tuple(map(_power_element, range(elements)))
    )


def usage_forecast(start_time: datetime, elements: int) -> frbc.UsageForecast:
    """The expected rate and its limits."""
    told = tuple(map(_usage_element, range(elements)))
    return frbc.UsageForecast(message_id=new_id(), start_time=start_time, elements=told)


def long_description(valid_from: datetime) -> frbc.SystemDescription:
    """An actuator with twelve modes of seven elements each, a ring of transitions and a timer."""
    stage = Stage()
    storage, (actuator,) = stage.battery.description.storage, stage.battery.description.actuators
    low, high = storage.fill_level_range.start_of_range, storage.fill_level_range.end_of_range
    bounds = [low + (high - low) * step / _BANDS for step in range(_BANDS + 1)]
    timer = Timer(id=new_id(), duration=60_000)
    modes = tuple(
        replace(
            mode,
            id=new_id(),
            elements=tuple(
                replace(mode.elements[0], fill_level_range=NumberRange(start_of_range=start, end_of_range=end))
                for start, end in pairwise(bounds)
            ),
        )
        for mode in islice(cycle(actuator.operation_modes), _MODES)
    )
    transitions = tuple(
        replace(
            actuator.transitions[0],
            id=new_id(),
            from_=before.id,
            to=after.id,
            start_timers=(timer.id,),
            blocking_timers=(timer.id,),
        )
        for before, after in pairwise((*modes, modes[0]))
    )
    described = replace(actuator, operation_modes=modes, transitions=transitions, timers=(timer,))
    return frbc.SystemDescription(message_id=new_id(), valid_from=valid_from, actuators=(described,), storage=storage)


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
