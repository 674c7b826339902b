"""The physical model of a tank of water that is heated from below: a hot water tank, a heating buffer. Pure.

Heat goes in, is lost through the insulation, and leaves with the water that is drawn, in whose place cold water flows
in at the bottom. Water takes 4190 J/(l K). As long as all of that is constant, a layer approaches where it would end
exponentially; that is solved exactly, so that a tank of one layer may be asked to live for as long as one likes.
"""

from math import expm1

from .draws import COLD_WATER_C, USED_AT_C, WATER_J_PER_LK

MOST_LAYERS = 8


class _Layer:
    """A layer of a tank, of one temperature."""

    def __init__(self, j_per_k: float, loss_w_per_k: float, temperature_c: float) -> None:
        self.j_per_k = j_per_k
        self.loss_w_per_k = loss_w_per_k
        self.temperature_c = temperature_c

    def live(self, duration_s: float, heat_w: float, flow_w_per_k: float, inflow_c: float, ambient_c: float) -> float:
        """Lives for *duration_s*; returns its mean temperature.

        *flow_w_per_k* is the heat capacity of the water that flows through it in a second, which comes at *inflow_c*.
        """
        begun_c = self.temperature_c
        out_w_per_k = self.loss_w_per_k + flow_w_per_k
        per_s = out_w_per_k / self.j_per_k
        at_rest_w = self.loss_w_per_k * ambient_c + flow_w_per_k * inflow_c
        k_per_s = (heat_w + at_rest_w - out_w_per_k * begun_c) / self.j_per_k
        if per_s * duration_s < 1e-9:
            self.temperature_c = begun_c + k_per_s * duration_s
            return begun_c + k_per_s * duration_s / 2
        effective_s = -expm1(-per_s * duration_s) / per_s
        self.temperature_c = begun_c + k_per_s * effective_s
        return begun_c + k_per_s * (duration_s - effective_s) / per_s / duration_s


class Tank:
    """A tank of *volume_l*, in *layers* of the same size: one for a tank that is always mixed, two for one in which
    cold water stays below hot.

    Where a lower layer becomes warmer than the one above, both mix. What is drawn at the taps is mixed with cold water
    to `USED_AT_C`, so that the hotter the tank, the less of it is drawn; a tank that is colder is drawn unmixed.
    """

    def __init__(
        self,
        volume_l: float = 200.0,
        temperature_c: float = 50.0,
        *,
        loss_w_per_k: float = 5 / 3,
        ambient_c: float = 20.0,
        layers: int = 1,
    ) -> None:
        """*loss_w_per_k* is what it loses per kelvin above *ambient_c*; by default 50 W at 50 °C.

        Raises: ValueError: values that cannot be true.
        """
        for is_true, rule in (
            (0 < volume_l < 1e6, "a tank must hold more than 0 l"),
            (0 <= temperature_c <= 100, "the water in a tank must be between 0 and 100 °C"),
            (0 <= loss_w_per_k < 1e6, "what a tank loses must be 0 W/K or above"),
            (1 <= layers <= MOST_LAYERS, f"a tank has 1 to {MOST_LAYERS} layers"),
        ):
            if not is_true:
                raise ValueError(rule)
        self.ambient_c = ambient_c
        self.lost_j = 0.0
        """What it has lost through its insulation since it was made."""
        self.drawn_j = 0.0
        """What was drawn of it since it was made, above the temperature of cold water."""
        self.drawn_l = 0.0
        """The hot water that was drawn of it since it was made."""
        self._layers = [
            _Layer(volume_l / layers * WATER_J_PER_LK, loss_w_per_k / layers, temperature_c) for _ in range(layers)
        ]
        """From the top down."""

    @property
    def top_c(self) -> float:
        """What comes out of the tap."""
        return self._layers[0].temperature_c

    @property
    def bottom_c(self) -> float:
        return self._layers[-1].temperature_c

    @property
    def mean_c(self) -> float:
        return sum(layer.temperature_c for layer in self._layers) / len(self._layers)

    @property
    def stored_j(self) -> float:
        """What it holds above 0 °C."""
        return sum(layer.temperature_c * layer.j_per_k for layer in self._layers)

    def live(self, duration_s: float, heat_w: float, tapped_l_per_s: float = 0.0) -> None:
        """Lives for *duration_s*, heated at the bottom by *heat_w*, negative if heat is taken out.

        *tapped_l_per_s* is the flow at the taps. With a draw, or with several layers, that is to be some seconds only:
        how much of the tank it takes, and which layers mix, is found at the beginning and the end.
        """
        flow_w_per_k = 0.0
        if tapped_l_per_s:
            share = (USED_AT_C - COLD_WATER_C) / max(USED_AT_C - COLD_WATER_C, self.top_c - COLD_WATER_C)
            flow_w_per_k = tapped_l_per_s * share * WATER_J_PER_LK
            self.drawn_l += tapped_l_per_s * share * duration_s
        inflow_c = COLD_WATER_C
        for layer in reversed(self._layers):
            mean_c = layer.live(duration_s, heat_w, flow_w_per_k, inflow_c, self.ambient_c)
            self.lost_j += layer.loss_w_per_k * (mean_c - self.ambient_c) * duration_s
            inflow_c = mean_c
            heat_w = 0.0
        self.drawn_j += flow_w_per_k * (inflow_c - COLD_WATER_C) * duration_s
        if len(self._layers) > 1:
            self._mix()

    def _mix(self) -> None:
        """Mixes from the bottom up what is warmer than what lies above it; layers are of one size."""
        rising: list[tuple[float, int]] = []
        """Temperature of a mixed part and its layers, from the bottom up."""
        for layer in reversed(self._layers):
            temperature_c, count = layer.temperature_c, 1
            while rising and rising[-1][0] > temperature_c:
                below_c, below = rising.pop()
                temperature_c = (temperature_c * count + below_c * below) / (count + below)
                count += below
            rising.append((temperature_c, count))
        mixed = [temperature_c for temperature_c, count in rising for _ in range(count)]
        for layer, temperature_c in zip(reversed(self._layers), mixed, strict=True):
            layer.temperature_c = temperature_c
