"""Counting what may not happen too often: wrong passwords, anonymous forms (SPEC X2, S2).

The counts live where Flask-Limiter keeps its own, so all processes share them. They are no
truth: while Redis is away each process counts for itself, and nobody gets an error for it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Callable
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

T = TypeVar("T")

#: Failures that one account may have from one address, before that address must wait.
PER_PAIR = RateLimitItemPerMinute(10, 15, namespace="wrong-pair")
#: Failures from one address, over all accounts: a whole office may stand behind one.
PER_ADDRESS = RateLimitItemPerMinute(100, 15, namespace="wrong-address")
#: Failures of one account, from wherever: slows down guessing from many addresses at once.
PER_ACCOUNT = RateLimitItemPerHour(100, namespace="wrong-account")

#: After Redis did not answer, it is not asked for so long (seconds).
PAUSE = 10.0


class Throttle:
    """Counts over `storage`; safe for threads."""

    def __init__(self, storage: Storage) -> None:
        self._shared = FixedWindowRateLimiter(storage)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._paused_until = 0.0

    def seconds_to_wait(self, account: str, address: str) -> int:
        """How long this account, from this address, must wait for its next try; 0 if not."""

        def ask(limiter: FixedWindowRateLimiter) -> int:
            waits = [0]
            for item, key in _counted(account, address):
                if not limiter.test(item, key):
                    reset = limiter.get_window_stats(item, key).reset_time
                    waits.append(max(1, round(reset - time.time())))
            return max(waits)

        return self._try(ask)

    def failed(self, account: str, address: str) -> None:
        """Count a failure."""

        def count(limiter: FixedWindowRateLimiter) -> None:
            for item, key in _counted(account, address):
                limiter.hit(item, key)

        self._try(count)

    def take_of_day(self, what: str, day: str, quota: int) -> bool:
        """Take one of `quota` that `what` has on a day; whether there was one left."""
        item = RateLimitItemPerDay(quota, namespace="day")
        return quota > 0 and self._try(lambda limiter: limiter.hit(item, what, day))

    def _try(self, ask: Callable[[FixedWindowRateLimiter], T]) -> T:
        if time.monotonic() >= self._paused_until:
            try:
                return ask(self._shared)
            except (RedisError, StorageError, OSError):
                self._paused_until = time.monotonic() + PAUSE
        return ask(self._own)


def _counted(account: str, address: str) -> tuple[tuple[RateLimitItem, str], ...]:
    # Digests: what people type as a name has no place in Redis, nor has its length.
    network = _network(address)
    return (
        (PER_PAIR, _digest(account, network)),
        (PER_ADDRESS, _digest(network)),
        (PER_ACCOUNT, _digest(account)),
    )


def _digest(*parts: str) -> str:
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()


def _network(address: str) -> str:
    """The address; of IPv6 its /64, for whoever has one address there has 2**64 of them."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 6 and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return address
