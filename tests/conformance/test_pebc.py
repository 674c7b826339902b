"""Power Envelope Based Control."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.core.resources_played import L2
from tests.core.resources_roof import LOWER, UPPER, allowed, constraints

from .plants import limits, new_limits, roof
from .rows import House, Peer, Published, row
from .wire import DONE, PEBC, new_id, seconds_from_now, soon

L1 = "ELECTRIC.POWER.L1"
STEP_S = 30


def corners(description):
    """Every pair of a lower and an upper limit at the ends of the ranges allowed, by quantity."""
    ranges = [each for each in description["allowed_limit_ranges"] if not each["abnormal_condition_only"]]
    for quantity in {each["commodity_quantity"] for each in ranges}:
        lower, upper = (
            [
                (each["range_boundary"]["start_of_range"], each["range_boundary"]["end_of_range"])
                for each in ranges
                if (each["commodity_quantity"], each["limit_type"]) == (quantity, kind)
            ]
            for kind in ("LOWER_LIMIT", "UPPER_LIMIT")
        )
        for low in lower:
            for high in upper:
                yield from ((quantity, a, b) for a in low for b in high if a <= b)


def one(quantity, *elements):
    """A PowerEnvelope; elements are milliseconds, lower and upper limit."""
    parts = [{"duration": ms, "lower_limit": lower, "upper_limit": upper} for ms, lower, upper in elements]
    return {"id": new_id(), "commodity_quantity": quantity, "power_envelope_elements": parts}


def envelope(rm, *elements, quantity=L1, at=None, **changes):
    """An instruction with one envelope."""
    late = timedelta(seconds=rm.profile.instructs_late_s)
    known = {
        "message_type": "PEBC.Instruction",
        "message_id": new_id(),
        "id": new_id(),
        "execution_time": (at or datetime.now(UTC) - late).isoformat(),
        "abnormal_condition": False,
        "power_constraints_id": rm.description["id"],
        "power_envelopes": [one(quantity, *elements)],
    }
    return known | changes


@row(
    "PEBC-1",
    "PowerConstraints come once PEBC is selected, with upper and lower limits for each quantity",
    source=Peer("certification tool", "9.3.1"),
    by=["plain", "certification"],
)
async def test_constraints(bench):
    async with bench.in_charge(PEBC) as rm:
        ranges = rm.description["allowed_limit_ranges"]
        assert len(ranges) >= 2
        for quantity in {each["commodity_quantity"] for each in ranges}:
            kinds = {each["limit_type"] for each in ranges if each["commodity_quantity"] == quantity}
            assert kinds == {"LOWER_LIMIT", "UPPER_LIMIT"}


@row(
    "PEBC-2",
    "an EnergyConstraint comes within 10 s, if the resource has such needs",
    source=Peer("certification tool", "9.3.3"),
    by=["plain", "certification"],
)
async def test_energy_constraint(bench):
    async with bench.in_charge(PEBC, roof(needs_energy=True)) as rm:
        try:
            constraint = await rm.expect("PEBC.EnergyConstraint", within_s=10.0)
        except AssertionError:
            assert not bench.is_own
            pytest.skip("no EnergyConstraint was sent")
        assert constraint["lower_average_power"] <= constraint["upper_average_power"]


@row(
    "PEBC-3",
    "every corner of the ranges allowed is taken and SUCCEEDED within 10 s, also for a time in the past",
    source=Peer("certification tool"),
    by=["plain", "certification"],
)
async def test_corners(bench):
    is_final = bench.profile.name == "certification"
    async with bench.in_charge(PEBC, roof(updates="final" if is_final else "full")) as rm:
        for quantity, low, high in corners(rm.description):
            order = await rm.give(envelope(rm, (3_600_000, low, high), quantity=quantity))
            steps = await rm.fate_of(order, 10.0)
            assert steps == ["SUCCEEDED"] if is_final and bench.is_own else steps[-1] == "SUCCEEDED", (low, high, steps)


@row(
    "PEBC-4",
    "a limit beyond the ranges allowed, in any element, is answered OK, and then REJECTED",
    source=Peer("certification tool"),
    by=["plain", "certification"],
)
async def test_out_of_range(bench):
    async with bench.in_charge(PEBC) as rm:
        for quantity, low, high in corners(rm.description):
            within = (3_600_000, low, high)
            for beyond in ((3_600_000, low - 1e6, high), (3_600_000, low, high + 1e6)):
                for elements in ((beyond,), (within, beyond), (within, beyond, within)):
                    order = await rm.give(envelope(rm, *elements, quantity=quantity))
                    assert await rm.fate_of(order, 10.0) == ["REJECTED"], elements


@row(
    "PEBC-5",
    "a lower limit above the upper, or constraints never published, are answered INVALID_CONTENT",
    source=House("PEBC.Instruction"),
    by=["plain"],
)
async def test_cannot_be_meant(bench):
    async with bench.in_charge(PEBC) as rm:
        quantity, low, high = next(corners(rm.description), (L1, 0.0, 0.0))
        for wrong in (
            envelope(rm, (1000, high + 1, high), quantity=quantity),
            envelope(rm, (1000, low, high), quantity=quantity, power_constraints_id=new_id()),
        ):
            await rm.must_refuse(wrong)
        twice = envelope(rm, (1000, low, high), quantity=quantity)
        twice["power_envelopes"] = [*twice["power_envelopes"], twice["power_envelopes"][0] | {"id": new_id()}]
        await rm.must_refuse(twice)
        await rm.is_well()


@row(
    "PEBC-6",
    "an envelope of several elements goes from limit to limit, and once it has lapsed there is none",
    source=House("PEBC.PowerEnvelope"),
    by=["plain"],
)
async def test_elements(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        order = await rm.give(envelope(rm, (1000 * STEP_S, -2000, 0), (1000 * STEP_S, -1000, 0)))
        assert await rm.fate_of(order) == DONE
        plant.passes(STEP_S)
        await plant.has_written("limits", "none", "none", "L1 -2000..0", "L1 -1000..0")
        plant.passes(STEP_S)
        await plant.has_written("limits", "none", "none", "L1 -2000..0", "L1 -1000..0", "none")
        assert rm.steps_of(order) == DONE


@row(
    "PEBC-7",
    "an envelope that is replaced by another ends without a word, and the new limits hold",
    source=House("PEBC"),
    by=["plain"],
)
async def test_replaced(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        first = await rm.give(envelope(rm, (3_600_000, -2000, 0)))
        assert await rm.fate_of(first) == DONE
        assert await rm.fate_of(await rm.give(envelope(rm, (3_600_000, -500, 0)))) == DONE
        assert rm.steps_of(first) == DONE
        await plant.has_written("limits", "none", "none", "L1 -2000..0", "L1 -500..0")


@row(
    "PEBC-8",
    "an envelope in force can be revoked, and then there is no limit",
    source=House("RevokeObject"),
    by=["plain", "flexmeasures"],
)
async def test_revoked(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        order = await rm.give(envelope(rm, (3_600_000, -2000, 0)))
        assert await rm.fate_of(order) == DONE
        assert (await rm.revoke(order))["status"] == "OK"
        await plant.has_written("limits", "none", "none", "L1 -2000..0", "none")


@row(
    "PEBC-9",
    "new constraints revoke the old; limits beyond what is possible by then go on, others are ABORTED and lifted",
    source=House("PEBC.PowerConstraints"),
    by=["plain"],
)
async def test_new_constraints(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        running = await rm.give(envelope(rm, (3_600_000, -3000, 0)))
        assert await rm.fate_of(running) == DONE
        plant.built.offered = new_limits(-2000.0)
        revocation = await rm.expect("RevokeObject")
        assert (revocation["object_type"], revocation["object_id"]) == ("PEBC.PowerConstraints", rm.description["id"])
        await rm.expect("PEBC.PowerConstraints")
        plant.built.offered = constraints(allowed(LOWER, -4000.0, -3500.0), allowed(UPPER, 0.0, 0.0))
        await rm.expect("RevokeObject")
        renewed = await rm.expect("PEBC.PowerConstraints")
        await rm.reached(running, "ABORTED")
        await plant.has_written("limits", "none", "none", "L1 -3000..0", "none")
        assert await rm.is_turned_down(envelope(rm, (1000, -3800, 0)))
        rm.description = renewed
        assert await rm.fate_of(await rm.give(envelope(rm, (3_600_000, -3800, 0)))) == DONE


@row(
    "PEBC-10",
    "constraints that end at a time end the limits with them, and nothing is allowed after",
    source=Published("S2 JSON", "PEBC.PowerConstraints.valid_until"),
    by=["plain"],
)
async def test_valid_until(own):
    plant = roof(valid_for_s=STEP_S)
    async with own.in_charge(PEBC, plant) as rm:
        order = await rm.give(envelope(rm, (3_600_000, -2000, 0)))
        assert await rm.fate_of(order) == DONE
        plant.passes(STEP_S)
        await plant.has_written("limits", "none", "none", "L1 -2000..0", "none")
        await rm.reached(order, "ABORTED")
        assert await rm.fate_of(await rm.give(envelope(rm, (1000, -2000, 0)))) == ["REJECTED"]


@row(
    "PEBC-11",
    "an envelope ahead waits, and can be revoked before it begins",
    source=House("PEBC.Instruction"),
    by=["plain", "flexmeasures"],
)
async def test_future(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        first = await rm.give(envelope(rm, (3_600_000, -2000, 0), at=soon(STEP_S)))
        then = await rm.give(envelope(rm, (3_600_000, -1000, 0), at=soon(2 * STEP_S)))
        assert (await rm.revoke(first))["status"] == "OK"
        assert await rm.fate_of(first) == ["ACCEPTED", "REVOKED"]
        plant.passes(2 * STEP_S)
        assert await rm.fate_of(then) == DONE
        await plant.has_written("limits", "none", "none", "L1 -1000..0")


@row(
    "PEBC-12",
    "hardware that refuses a limit: ABORTED, and there is none",
    source=House("InstructionStatus"),
    by=["plain"],
)
async def test_refused(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        plant.refuses()
        order = await rm.give(envelope(rm, (3_600_000, -2000, 0)))
        assert await rm.fate_of(order) == ["ACCEPTED", "STARTED", "ABORTED"]
        await plant.has_written("limits", "none", "none", "L1 -2000..0", "none")


@row(
    "PEBC-13",
    "the device is lost while limits hold: ABORTED, though it had SUCCEEDED",
    source=House("InstructionStatus"),
    by=["plain"],
)
async def test_lost(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        order = await rm.give(envelope(rm, (3_600_000, -2000, 0)))
        assert await rm.fate_of(order) == DONE
        plant.is_lost()
        await rm.reached(order, "ABORTED")
        plant.is_back()
        await plant.has_logged("device.recovered")
        assert await rm.fate_of(await rm.give(envelope(rm, (3_600_000, -1000, 0)))) == DONE


@row(
    "PEBC-14",
    "elements that last for no time at all, or for ages, break nothing; the first that lasts is done",
    source=House("PEBC.PowerEnvelopeElement.duration"),
    by=["plain"],
)
async def test_durations(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        nothing = await rm.give(envelope(rm, (0, -3000, 0)))
        assert (await rm.fate_of(nothing))[-1] == "ABORTED"
        order = await rm.give(envelope(rm, (0, -3000, 0), (10**15, -2000, 0), (10**15, -1000, 0)))
        assert await rm.fate_of(order) == DONE
        assert plant.written("limits")[-1] == "L1 -2000..0"
        assert "L1 -3000..0" not in plant.written("limits")


@row(
    "PEBC-15",
    "between two envelopes, and when the new one begins in the middle, limits are those of the latest begun",
    source=House("PEBC"),
    by=["plain"],
)
async def test_queue(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        assert await rm.fate_of(await rm.give(envelope(rm, (5000 * STEP_S, -3000, 0)))) == DONE
        then = await rm.give(envelope(rm, (1000 * STEP_S, -2000, 0), at=soon(STEP_S)))
        plant.passes(STEP_S)
        assert await rm.fate_of(then) == DONE
        plant.passes(STEP_S)
        await plant.has_written("limits", "none", "none", "L1 -3000..0", "L1 -2000..0", "none")


@row(
    "PEBC-16",
    "several quantities are limited each by its own envelope, and each envelope goes on and lapses in its own time",
    source=House("PEBC.Instruction.power_envelopes"),
    by=["plain"],
)
async def test_several_quantities(own):
    plant = roof(*limits(), *limits(quantity=L2))
    async with own.in_charge(PEBC, plant) as rm:
        order = envelope(rm)
        order["power_envelopes"] = [
            one(L1, (3000 * STEP_S, -2000, 0)),
            one(L2, (1000 * STEP_S, -1500, 0), (1000 * STEP_S, -500, 0)),
        ]
        assert await rm.fate_of(await rm.give(order)) == DONE
        lifted = ["none", "none"]
        for limited in ("L1 -2000..0, L2 -1500..0", "L1 -2000..0, L2 -500..0", "L1 -2000..0", "none"):
            lifted.append(limited)
            await plant.has_written("limits", *lifted)
            plant.passes(STEP_S)
        beyond = envelope(rm)
        beyond["power_envelopes"] = [one(L1, (1000, -2000, 0)), one(L2, (1000, -5000, 0))]
        assert await rm.fate_of(await rm.give(beyond)) == ["REJECTED"]


@row(
    "PEBC-17",
    "ranges for abnormal conditions are closed to an instruction that is not abnormal",
    source=Published("S2 JSON", "PEBC.AllowedLimitRange.abnormal_condition_only"),
    by=["plain"],
)
async def test_abnormal_ranges(own):
    plant = roof(*limits(), *limits(-6000.0, abnormal=True))
    async with own.in_charge(PEBC, plant) as rm:
        wanted = (3_600_000, -5000, 0)
        assert await rm.fate_of(await rm.give(envelope(rm, wanted))) == ["REJECTED"]
        assert await rm.fate_of(await rm.give(envelope(rm, (1000, -2000, 0), wanted))) == ["REJECTED"]
        assert await rm.fate_of(await rm.give(envelope(rm, wanted, abnormal_condition=True))) == DONE
        await plant.has_written("limits", "none", "none", "L1 -5000..0")


@row(
    "PEBC-18",
    "before constraints are valid nothing is limited; an envelope for a time when they are is taken and done",
    source=Published("S2 JSON", "PEBC.PowerConstraints.valid_from"),
    by=["plain"],
)
async def test_valid_from(own):
    plant = roof(valid_after_s=10 * STEP_S)
    async with own.in_charge(PEBC, plant) as rm:
        assert 0 < seconds_from_now(rm.description["valid_from"]) <= 10 * STEP_S
        for at in (None, soon(STEP_S)):
            assert await rm.fate_of(await rm.give(envelope(rm, (1000, -2000, 0), at=at))) == ["REJECTED"]
        order = await rm.give(envelope(rm, (3_600_000, -2000, 0), at=soon(11 * STEP_S)))
        await rm.reached(order, "ACCEPTED")
        plant.passes(11 * STEP_S)
        assert await rm.fate_of(order) == DONE
        await plant.has_written("limits", "none", "none", "L1 -2000..0")


@row(
    "PEBC-19",
    "an energy constraint that is gone is revoked, and one that has changed is revoked and told anew",
    source=House("PEBC.EnergyConstraint"),
    by=["plain"],
)
async def test_energy_constraint_gone(own):
    plant = roof(needs_energy=True)
    async with own.in_charge(PEBC, plant) as rm:
        told = await rm.expect("PEBC.EnergyConstraint")
        (need,) = plant.built.needs
        plant.built.needs = (replace(need, lower_average_power_w=2000.0),)
        revocation = await rm.expect("RevokeObject", object_type="PEBC.EnergyConstraint")
        assert revocation["object_id"] == told["id"]
        changed = await rm.expect("PEBC.EnergyConstraint")
        assert (changed["lower_average_power"], changed["upper_average_power"]) == (2000.0, 3000.0)
        plant.built.needs = ()
        revocation = await rm.expect("RevokeObject", object_type="PEBC.EnergyConstraint")
        assert revocation["object_id"] == changed["id"]


@row(
    "PEBC-20",
    "an envelope that has waited and begins late: what should be over by then is skipped",
    source=House("PEBC.Instruction.execution_time"),
    by=["plain"],
)
async def test_late(own):
    plant = roof()
    async with own.in_charge(PEBC, plant) as rm:
        timetable = ((1000 * STEP_S, -3000, 0), (100_000 * STEP_S, -2000, 0))
        order = await rm.give(envelope(rm, *timetable, at=soon(STEP_S)))
        await rm.reached(order, "ACCEPTED")
        plant.passes(10 * STEP_S)
        assert await rm.fate_of(order) == DONE
        await plant.has_written("limits", "none", "none", "L1 -2000..0")
