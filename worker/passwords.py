"""Hashes of passwords: argon2id, as RFC 9106 has it. The clear password is in no error and no log line."""

from __future__ import annotations

import secrets
from base64 import b64encode

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type

MEMORY_KIB, PASSES = 47_104, 2
"""What a hash of ours costs: 46 MB and, on one core of 2020, a tenth of a second. One lane, so that a sign-in never takes
more than one core from the callbacks."""

LEAST_MEMORY_KIB, LEAST_PASSES = 19_456, 2
"""Below these a stolen hash is guessed too cheaply (OWASP's password storage cheat sheet)."""

MOST_MEMORY_KIB, MOST_WORK_KIB = 262_144, 1_048_576
"""Above these, in memory or in memory times passes, one sign-in is a load on the door."""

SHORTEST, LONGEST = 12, 256
"""Characters of a password."""

_hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)


def hash_of(password: str) -> str:
    """A new hash of this password, in argon2's own form. Costs a tenth of a second."""
    return _hasher.hash(password)


def matches(known: str, password: str) -> bool:
    """Whether this is the password of this hash. Costs what the hash says; other threads go on meanwhile."""
    try:
        return _hasher.verify(known, password)
    except (Argon2Error, InvalidHashError):
        return False


def like(known: str) -> str:
    """A hash that costs the same and that no password matches: for a name nobody has.

    Well formed to its last bit: one that cannot be decoded is refused before any work is done, and so tells that it is nobody's.
    """
    parts = known.split("$")
    length = extract_parameters(known).hash_len
    return "$".join([*parts[:-1], b64encode(secrets.token_bytes(length)).decode().rstrip("=")])


def work_of(known: str) -> int:
    """KiB that are filled to check this hash, all passes together."""
    told = extract_parameters(known)
    return told.memory_cost * told.time_cost


def is_weak(known: str) -> bool:
    """Whether a stolen copy would be guessed too cheaply."""
    told = extract_parameters(known)
    return told.memory_cost < LEAST_MEMORY_KIB or told.time_cost < LEAST_PASSES


def is_heavy(known: str) -> bool:
    """Whether one sign-in costs more than a door should spend on it."""
    told = extract_parameters(known)
    return told.memory_cost > MOST_MEMORY_KIB or work_of(known) > MOST_WORK_KIB
