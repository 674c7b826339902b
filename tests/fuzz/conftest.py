"""`pytest tests/fuzz --hypothesis-profile=long` goes on for minutes."""

from hypothesis import HealthCheck, settings

_ROOMY = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
settings.register_profile(
    "long", max_examples=5000, derandomize=False, deadline=None, suppress_health_check=_ROOMY, print_blob=True
)
