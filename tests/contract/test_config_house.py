"""The example of a house: a device of every kind, right in every word."""

from pathlib import Path

import pytest

from s2d.config import load
from s2d.rm.kinds import KINDS, kind
from s2d.service.daemon import setup_of

HOUSE = Path(__file__).parents[2] / "config" / "house"


def test_it_has_every_kind_and_nothing_to_warn_of() -> None:
    config = load(HOUSE)
    assert {device.kind for device in config.devices} == set(KINDS)
    assert list(map(str, config.warnings)) == []


@pytest.mark.parametrize("name", KINDS)
def test_each_is_rest_assured_and_steered_by_all_that_it_is_steered_by(name: str) -> None:
    of_kind = kind(name)
    for device in load(HOUSE).devices:
        if device.kind == name:
            abilities = device.abilities(of_kind)
            steered_by = of_kind.steered_by(device.points, device.commands)
            assert all(abilities[point].can_write for point in steered_by)
            assert device.fallback
            assert {each.point for each in device.fallback.setpoints} >= set(steered_by)
            assert setup_of(device, "resource", "Europe/Amsterdam", None).resource_manager(str).offered
