"""Offers: what makes the control of a control type once it is selected, one typed function for each.

A kind of device offers a control type by an adapter: what makes of its model the resource that the control type asks
for. The module of a control type is imported when it is selected.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from . import Control
from .context import ControlContext

if TYPE_CHECKING:
    from .ddbc import DemandDrivenResource
    from .frbc import FillRateResource
    from .ombc import OperationModeSteered
    from .pebc.control import PowerEnvelopeResource
    from .ppbc.task import PowerProfileResource

Model = TypeVar("Model")
Offer: TypeAlias = Callable[[Model, ControlContext], Control]


def offer_frbc(adapter: "Callable[[Model], FillRateResource]", *, rests_uninstructed: bool = False) -> Offer[Model]:
    """Fill Rate Based Control of what *adapter* makes of the model; see `Control.rests_uninstructed`."""

    def offer(model: Model, context: ControlContext) -> Control:
        from .frbc import fill_rate_control

        return fill_rate_control(adapter(model), context, rests_uninstructed=rests_uninstructed)

    return offer


def offer_pebc(adapter: "Callable[[Model], PowerEnvelopeResource]") -> Offer[Model]:
    """Power Envelope Based Control of what *adapter* makes of the model."""

    def offer(model: Model, context: ControlContext) -> Control:
        from .pebc.control import PowerEnvelopeControl

        return PowerEnvelopeControl(adapter(model), context)

    return offer


def offer_ppbc(adapter: "Callable[[Model], PowerProfileResource]") -> Offer[Model]:
    """Power Profile Based Control of what *adapter* makes of the model."""

    def offer(model: Model, context: ControlContext) -> Control:
        from .ppbc.control import PowerProfileControl

        return PowerProfileControl(adapter(model), context)

    return offer


def offer_ombc(adapter: "Callable[[Model], OperationModeSteered]") -> Offer[Model]:
    """Operation Mode Based Control of what *adapter* makes of the model."""

    def offer(model: Model, context: ControlContext) -> Control:
        from .ombc import operation_mode_control

        return operation_mode_control(adapter(model), context)

    return offer


def offer_ddbc(adapter: "Callable[[Model], DemandDrivenResource]") -> Offer[Model]:
    """Demand Driven Based Control of what *adapter* makes of the model."""

    def offer(model: Model, context: ControlContext) -> Control:
        from .ddbc import demand_driven_control

        return demand_driven_control(adapter(model), context)

    return offer
