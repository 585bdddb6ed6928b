"""Passwords: argon2id, and what counts as a password at all."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

# OWASP Password Storage Cheat Sheet: argon2id with m=46 MiB, t=1, p=1 is one of its equivalent minima.
ARGON2_MEMORY_KIB = 47104
ARGON2_TIME_COST = 1
ARGON2_PARALLELISM = 1

MIN_CHARACTERS = 8
MAX_CHARACTERS = 128
# People type these from a terminal, and read them out: no letter that looks like a figure, and never a leading dash,
# which a command line would take for an option. 32**20 = 2**100.
GENERATED_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
GENERATED_GROUPS = 4
GENERATED_GROUP_CHARACTERS = 5
"""96 random bits, 16 characters: beyond any guessing, still possible to type."""

# The head of the published lists of leaked passwords, restricted to those with at least 8 characters.
COMMON: frozenset[str] = frozenset((
    "password", "password1", "password12", "password123", "passw0rd", "12345678", "123456789", "1234567890",
    "11111111", "00000000", "87654321", "987654321", "0987654321", "88888888", "12341234", "11223344",
    "123123123", "123321123", "1q2w3e4r", "1q2w3e4r5t", "1qaz2wsx", "qwertyui", "qwertyuiop", "qwerty123",
    "qwerty12", "qwerty1234", "asdfghjk", "asdfghjkl", "zxcvbnm1", "abcd1234", "abc12345", "abcdefgh",
    "iloveyou", "iloveyou1", "sunshine", "princess", "princess1", "football", "football1", "baseball",
    "basketball", "superman", "batman123", "trustno1", "starwars", "whatever", "welcome1", "welcome123",
    "letmein1", "letmein123", "monkey123", "dragon123", "master123", "shadow123", "michael1", "jennifer",
    "computer", "internet", "samsung1", "liverpool", "chelsea1", "arsenal1", "charlie1", "jordan23", "changeme",
    "changeme1", "admin123", "admin1234", "administrator", "test1234", "testtest", "secret123", "default1",
    "guest1234", "user1234", "maxsight", "maxsight1", "maxsight123",
))

_hasher = PasswordHasher(
    time_cost=ARGON2_TIME_COST, memory_cost=ARGON2_MEMORY_KIB, parallelism=ARGON2_PARALLELISM,
)
_decoy_hash = _hasher.hash(secrets.token_hex(16))


class PasswordError(ValueError):
    """The password cannot be used; the message says what is expected."""


def check(password: str) -> None:
    """Raises:
        PasswordError: too short, too long, or one that attackers try first.
    """
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise PasswordError(
            f"password: expected {MIN_CHARACTERS} to {MAX_CHARACTERS} characters; got {len(password)}"
        )
    if password.lower() in COMMON or len(set(password)) == 1:
        raise PasswordError("password: this one is among the first that attackers try; choose another")


def hash_password(password: str) -> str:
    check(password)
    return _hasher.hash(password)


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password fits. With no hash (no such account) it takes as long as with one."""
    try:
        _hasher.verify(password_hash or _decoy_hash, password)
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    return _hasher.check_needs_rehash(password_hash)


def generate() -> str:
    """A password of 100 bits in four groups, as in ``k4mzp-7xqwe-...``."""
    return "-".join(
        "".join(secrets.choice(GENERATED_ALPHABET) for _ in range(GENERATED_GROUP_CHARACTERS))
        for _ in range(GENERATED_GROUPS)
    )
