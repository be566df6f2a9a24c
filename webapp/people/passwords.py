"""Passwords: hashing, checking, and what slows down guessing (SPEC X2)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
import unicodedata
from collections import OrderedDict

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from flask import Flask, current_app

from webapp.errors import Busy, Invalid, TooMany
from webapp.extensions import limiter
from webapp.people.throttle import Throttle

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

#: Each check takes 19 MiB and a core: two at once in a process, the others wait.
_at_once = threading.BoundedSemaphore(2)
#: A request waits no longer than this for its turn (seconds).
_PATIENCE = 15.0

#: How long a success is remembered (seconds), and how many of them.
REMEMBERED_FOR = 300.0
REMEMBERED_AT_MOST = 20_000

#: Characters that a password may have; more would only cost time.
LONGEST = 1_000

#: Checked in the place of an account that does not exist, so that timing tells nothing. Nobody
#: knows its password.
_NOBODY = _hasher.hash(secrets.token_bytes(32))


def new_password() -> str:
    """A random password of 16 characters."""
    return secrets.token_urlsafe(12)


def hash_password(password: str, *, shortest: int) -> str:
    """The Argon2id hash to store. Raises `Invalid` for a password that cannot be accepted. Costs
    about 30 ms and 19 MiB."""
    if not shortest <= len(password) <= LONGEST:
        raise Invalid(f"Choose a password of {shortest} to {LONGEST:,} characters.")
    prepared = _prepared(password)
    if prepared is None:
        raise Invalid("The password has characters that cannot be typed. Choose another one.")
    with _at_once:
        return _hasher.hash(prepared)


class PasswordChecks:
    """Checks passwords in one process: remembers successes, counts failures."""

    def __init__(self, secret: str, throttle: Throttle) -> None:
        self._key = hashlib.sha256(b"remembered passwords\0" + secret.encode()).digest()
        self.throttle = throttle
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def right(self, account: str, password: str, stored: str | None, address: str) -> bool:
        """Whether a password is the right one.

        `account` names whom the password is for, as it was typed, after its kind (`web:…`);
        `stored` is the account's hash, None if there is no such account, which takes as long;
        `address` is where the question comes from. Raises `TooMany` after too many failures, and
        `Busy` when the machine cannot keep up. A success that is remembered costs microseconds and
        asks nobody; any other answer about 30 ms.
        """
        prepared = _prepared(password) if len(password) <= LONGEST else None
        if prepared is None:
            prepared, stored = b"", None  # never right, but counted as any other
        memory = self._digest(account, stored, prepared) if stored is not None else b""
        if memory and self._remembers(memory):
            return True
        self._refuse_too_many(account, address)
        if not _at_once.acquire(timeout=_PATIENCE):
            raise Busy("Too many people are signing in at the moment. Try again in a moment.")
        try:
            # Again, now that it is our turn: others may have failed meanwhile.
            self._refuse_too_many(account, address)
            right = _verify(stored or _NOBODY, prepared) and stored is not None
        finally:
            _at_once.release()
        if right:
            self._remember(memory)
        else:
            self.throttle.failed(account, address)
        return right

    def _refuse_too_many(self, account: str, address: str) -> None:
        wait = self.throttle.seconds_to_wait(account, address)
        if wait:
            raise TooMany(
                "There were too many attempts with a wrong password. Wait some minutes before"
                " the next one.",
                wait,
            )

    def _digest(self, account: str, stored: str, prepared: bytes) -> bytes:
        # The stored hash is part of it, so that a new password makes the old one forgotten.
        message = b"\0".join((account.encode("utf-8", "replace"), stored.encode(), prepared))
        return hmac.digest(self._key, message, "sha256")

    def _remembers(self, memory: bytes) -> bool:
        with self._lock:
            return self._remembered.get(memory, 0.0) > time.monotonic()

    def _remember(self, memory: bytes) -> None:
        with self._lock:
            self._remembered[memory] = time.monotonic() + REMEMBERED_FOR
            self._remembered.move_to_end(memory)
            while len(self._remembered) > REMEMBERED_AT_MOST:
                self._remembered.popitem(last=False)


def init_passwords(app: Flask) -> None:
    """Give the app its checks. After the limiter, whose storage they count in."""
    app.extensions["passwords"] = PasswordChecks(
        str(app.config["SECRET_KEY"]), Throttle(limiter.storage)
    )


def password_checks() -> PasswordChecks:
    """The present app's checks."""
    checks: PasswordChecks = current_app.extensions["passwords"]
    return checks


def _prepared(password: str) -> bytes | None:
    """The bytes that are hashed: one spelling of each character, whatever the keyboard sent; None
    for what is no text."""
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        return None


def _verify(stored: str, prepared: bytes) -> bool:
    try:
        return _hasher.verify(stored, prepared)
    except (Argon2Error, InvalidHashError):
        return False
