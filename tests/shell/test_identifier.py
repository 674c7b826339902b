"""Ids of messages."""

from uuid import UUID, uuid4

from s2d.host.identifier import ids_from

SEED = UUID("6e8f2a8c-4c1d-4b3a-9f27-ffffffffffff")


def first(count: int, seed: UUID) -> list[str]:
    new_id = ids_from(seed)
    return [new_id() for _ in range(count)]


def test_ids_follow_from_their_seed() -> None:
    assert first(3, SEED) == [
        "6e8f2a8c-4c1d-4b3a-9f27-7fffffffffff",
        "6e8f2a8c-4c1d-4b3a-9f27-800000000000",
        "6e8f2a8c-4c1d-4b3a-9f27-800000000001",
    ]


def test_ids_of_a_random_seed_are_random_uuids_and_no_two_are_alike() -> None:
    ids = [*first(100, uuid4()), *first(100, uuid4())]
    assert len(set(ids)) == 200
    assert {UUID(each).version for each in ids} == {4}
    assert [str(UUID(each)) for each in ids] == ids
