"""Codes to read aloud: no letter or digit that is mistaken for another."""

import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 9


def new_code(length: int = LENGTH) -> str:
    """A random code, e.g. `K7MPX42QD`."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
