"""Passwords: hashing, checking, and what slows down guessing (SPEC X2)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
import unicodedata
from base64 import b64encode
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


def _of_no_password() -> str:
    """A hash that costs as much to check as any, and is that of no password: random bytes stand in
    the place of a result. So nothing is reckoned for it whenever a process starts."""
    salt, digest = (b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (16, 32))
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


#: For accounts that have no password yet, and checked in the place of one that does not exist, so
#: that timing tells nothing.
NOBODY_KNOWS = _of_no_password()


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


class PasswordHash(str):
    """The hash of a password that was taken before, where many are and nothing may be locked."""

    __slots__ = ()


class PasswordChecks:
    """Checks passwords in one process: remembers successes, counts failures."""

    def __init__(self, secret: str, throttle: Throttle) -> None:
        self._key = hashlib.sha256(b"remembered passwords\0" + secret.encode()).digest()
        self.throttle = throttle
        #: Who, from where -> the last success, and until when it is remembered.
        self._remembered: OrderedDict[bytes, tuple[bytes, float]] = OrderedDict()
        self._lock = threading.Lock()

    def right(self, account: str, password: str, stored: str | None, address: str) -> bool:
        """Whether a password is the right one.

        `account` names whom the password is for, as it was typed, after its kind (`web:…`);
        `stored` is the account's hash, None if there is no such account, which takes as long;
        `address` is where the question comes from. Raises `TooMany` after too many failures, and
        `Busy` when the machine cannot keep up. A success that is remembered costs microseconds and
        asks nobody; any other answer about 30 ms. It is remembered for the same address only, and
        not beyond the next other password from there, looked at or not: else whoever has had too
        many attempts could tell the right password by its being let in.
        """
        prepared = _prepared(password) if len(password) <= LONGEST else None
        if prepared is None:
            prepared, stored = b"", None  # never right, but counted as any other
        who = self._digest(account.encode("utf-8", "replace"), address.encode())
        memory = b"" if stored is None else self._digest(who, stored.encode(), prepared)
        if memory and self._remembers(who, memory):
            return True
        self._forget(who)
        self._refuse_too_many(account, address)
        if not _at_once.acquire(timeout=_PATIENCE):
            raise Busy("Too many people are signing in at the moment. Try again in a moment.")
        try:
            # Again, now that it is our turn: others may have failed meanwhile.
            self._refuse_too_many(account, address)
            right = _verify(stored or NOBODY_KNOWS, prepared) and stored is not None
            if not right:
                # Before it is the next one's turn, who would not know of it otherwise.
                self.throttle.failed(account, address)
        finally:
            _at_once.release()
        if right:
            self._remember(who, memory)
        return right

    def _refuse_too_many(self, account: str, address: str) -> None:
        wait = self.throttle.seconds_to_wait(account, address)
        if wait:
            minutes = -(-wait // 60)
            raise TooMany(
                "There were too many attempts with a wrong password. Wait"
                f" {minutes} minute{'s' if minutes > 1 else ''} before the next one.",
                wait,
            )

    def _digest(self, *parts: bytes) -> bytes:
        # Of a memory the stored hash is part, so that a new password makes the old one forgotten.
        return hmac.digest(self._key, b"\0".join(parts), "sha256")

    def _remembers(self, who: bytes, memory: bytes) -> bool:
        with self._lock:
            found, until = self._remembered.get(who, (b"", 0.0))
        return hmac.compare_digest(found, memory) and until > time.monotonic()

    def _remember(self, who: bytes, memory: bytes) -> None:
        with self._lock:
            self._remembered[who] = (memory, time.monotonic() + REMEMBERED_FOR)
            self._remembered.move_to_end(who)
            while len(self._remembered) > REMEMBERED_AT_MOST:
                self._remembered.popitem(last=False)

    def _forget(self, who: bytes) -> None:
        with self._lock:
            self._remembered.pop(who, None)


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
