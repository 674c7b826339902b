"""Ids as ours are: random UUIDs."""

from uuid import uuid4


def new_id() -> str:
    return str(uuid4())
