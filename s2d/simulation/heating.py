"""The heating circuit of a simulated house: rooms that are kept warm by water, whose temperature follows the weather.

Pure. The heating water and the floors that it warms are a tank which loses to the rooms what they lose to the outdoors.
"""

from .tank import Tank

ROOM_C = 20.0
HEATING_LIMIT_C = 16.0
"""Outdoors; above it the rooms stay warm by themselves."""


class HeatingCircuit:
    """A heating circuit.

    Its heating curve is a straight line: room temperature - *gradient* · (outdoor temperature - 24 °C), 0.4 to 0.7
    for heated floors, 1 to 1.5 for radiators (CODESYS Building Automation, HeatingCharacteristicCurve).
    """

    def __init__(
        self, *, gradient: float = 0.6, loss_w_per_k: float = 150.0, water_l: float = 300.0, temperature_c: float = 28.0
    ) -> None:
        """*loss_w_per_k* is what the house loses per kelvin between rooms and outdoors.

        Raises: ValueError: values that cannot be true.
        """
        for is_true, rule in (
            (0 < gradient < 4, "the gradient of a heating curve must be above 0 and below 4"),
            (0 < loss_w_per_k < 1e5, "a house must lose more than 0 W/K"),
        ):
            if not is_true:
                raise ValueError(rule)
        self._gradient = gradient
        # At -10 °C outdoors the curve's temperature gives the rooms what they lose.
        emits_w_per_k = loss_w_per_k * (ROOM_C + 10) / (gradient * 34)
        self.water = Tank(water_l, temperature_c, loss_w_per_k=emits_w_per_k, ambient_c=ROOM_C)

    def flow_setpoint_c(self, outdoor_c: float) -> float:
        """By the heating curve."""
        return ROOM_C - self._gradient * (outdoor_c - 24)
