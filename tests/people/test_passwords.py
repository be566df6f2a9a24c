"""Passwords and what slows down guessing (SPEC X2)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError
from limits.storage import MemoryStorage, Storage, storage_from_string

from tests.redis import redis_server
from webapp.errors import Invalid, TooMany
from webapp.people import passwords
from webapp.people.passwords import PasswordChecks, hash_password
from webapp.people.throttle import Throttle

RIGHT = "correct horse"
HERE = "10.0.0.1"


@pytest.fixture(scope="module", autouse=True)
def agreed_cost(cheap_passwords: dict[str, Any]) -> Iterator[None]:
    """Here passwords cost what they cost in life."""
    with pytest.MonkeyPatch.context() as patch:
        for name, agreed in cheap_passwords.items():
            patch.setattr(passwords, name, agreed)
        yield


@pytest.fixture(scope="module")
def stored(agreed_cost: None) -> str:
    return hash_password(RIGHT, shortest=8)


@pytest.fixture
def checks() -> PasswordChecks:
    return PasswordChecks("a secret", Throttle(MemoryStorage()))


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each real check leaves the hash that it was against here."""
    seen: list[str] = []
    verify = passwords._verify

    def counting(stored: str, prepared: bytes) -> bool:
        seen.append(stored)
        return verify(stored, prepared)

    monkeypatch.setattr(passwords, "_verify", counting)
    return seen


def test_what_is_stored_is_argon2id_with_the_agreed_cost(stored: str):
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored != hash_password(RIGHT, shortest=8), "each has a salt of its own"


@pytest.mark.parametrize("password", ["", "short", "x" * 1001, "half \ud800 character"])
def test_passwords_that_cannot_be_accepted_say_why(password: str):
    with pytest.raises(Invalid, match="Choose"):
        hash_password(password, shortest=8)


def test_right_and_wrong(checks: PasswordChecks, stored: str):
    assert checks.right("web:a", RIGHT, stored, HERE)
    assert not checks.right("web:a", "wrong", stored, HERE)
    assert not checks.right("web:a", RIGHT, None, HERE)
    assert not checks.right("web:a", RIGHT, "no hash", HERE)
    assert not checks.right("web:a", "x" * 100_000, stored, HERE)
    assert not checks.right("web:a", "\ud800", stored, HERE)


def test_a_success_is_remembered_for_five_minutes(
    checks: PasswordChecks, stored: str, verified: list[str], monkeypatch: pytest.MonkeyPatch
):
    for _ in range(3):
        assert checks.right("web:a", RIGHT, stored, HERE)
    assert len(verified) == 1
    at = time.monotonic()
    monkeypatch.setattr(passwords.time, "monotonic", lambda: at + 301)
    assert checks.right("web:a", RIGHT, stored, HERE)
    assert len(verified) == 2


def test_what_is_remembered_is_one_account_one_hash_one_password(
    checks: PasswordChecks, stored: str, verified: list[str]
):
    assert checks.right("web:a", RIGHT, stored, HERE)
    assert not checks.right("web:a", RIGHT + "x", stored, HERE)
    assert not checks.right("web:a", RIGHT, hash_password("another one", shortest=8), HERE)
    assert checks.right("web:b", RIGHT, stored, HERE)
    assert len(verified) == 4
    assert RIGHT.encode() not in b"".join(checks._remembered)


def test_what_is_remembered_is_bounded(
    checks: PasswordChecks, stored: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passwords, "REMEMBERED_AT_MOST", 3)
    for number in range(5):
        assert checks.right(f"web:{number}", RIGHT, stored, HERE)
    assert len(checks._remembered) == 3


def test_an_unknown_account_costs_a_check_too(checks: PasswordChecks, verified: list[str]):
    assert not checks.right("web:nobody", RIGHT, None, HERE)
    assert verified == [passwords.NOBODY_KNOWS]


def test_what_nobody_knows_costs_what_any_password_costs(stored: str):
    assert extract_parameters(passwords.NOBODY_KNOWS) == extract_parameters(stored)
    with pytest.raises(VerifyMismatchError):  # and not InvalidHashError, which costs nothing
        passwords._hasher.verify(passwords.NOBODY_KNOWS, RIGHT)


def test_no_more_than_two_checks_run_at_once(
    checks: PasswordChecks, stored: str, monkeypatch: pytest.MonkeyPatch
):
    running, most, lock = 0, 0, threading.Lock()

    def slow(_stored: str, _prepared: bytes) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(passwords, "_verify", slow)
    threads = [
        threading.Thread(target=checks.right, args=(f"web:{n}", RIGHT, stored, HERE))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_ten_failures_of_an_account_from_one_address_make_it_wait(
    checks: PasswordChecks, stored: str
):
    for _ in range(10):
        assert not checks.right("web:a", "wrong", stored, HERE)
    with pytest.raises(TooMany) as caught:
        checks.right("web:a", RIGHT, stored, HERE)
    assert 0 < caught.value.retry_after <= 900
    assert checks.right("web:a", RIGHT, stored, "10.0.0.2")
    assert checks.right("web:b", RIGHT, stored, HERE)


def test_failing_at_once_gives_no_more_tries_than_one_after_the_other(
    checks: PasswordChecks, stored: str, verified: list[str]
):
    def guess() -> None:
        with suppress(TooMany):
            checks.right("web:a", "wrong", stored, HERE)

    threads = [threading.Thread(target=guess) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(verified) <= 12, "ten, and what the second of the two checks may have begun"


def test_nor_when_a_failure_is_counted_late(
    checks: PasswordChecks, stored: str, verified: list[str], monkeypatch: pytest.MonkeyPatch
):
    count = checks.throttle.failed

    def later(*who: str) -> None:
        time.sleep(0.1)  # as on a busy machine
        count(*who)

    monkeypatch.setattr(checks.throttle, "failed", later)
    test_failing_at_once_gives_no_more_tries_than_one_after_the_other(checks, stored, verified)


class TestThrottle:
    """The counts, on each storage."""

    @pytest.fixture(params=["memory", "redis"])
    def storage(self, request: pytest.FixtureRequest) -> Iterator[Storage]:
        if request.param == "memory":
            yield MemoryStorage()
        else:
            with redis_server() as url:
                yield storage_from_string(f"redis+{url}")

    def test_an_account_waits_after_failures_from_many_addresses(self, storage: Storage):
        throttle = Throttle(storage)
        for number in range(100):
            assert throttle.seconds_to_wait("web:a", "10.9.9.9") == 0
            throttle.failed("web:a", f"10.0.0.{number}")
        assert 0 < throttle.seconds_to_wait("web:a", "10.9.9.9") <= 3600
        assert throttle.seconds_to_wait("web:b", "10.9.9.9") == 0

    def test_a_network_of_ipv6_is_one_address(self, storage: Storage):
        throttle = Throttle(storage)
        for number in range(10):
            throttle.failed("web:a", f"2001:db8:1:2::{number}")
        assert throttle.seconds_to_wait("web:a", "2001:db8:1:2:ffff::1") > 0
        assert throttle.seconds_to_wait("web:a", "2001:db8:1:3::1") == 0

    def test_a_quota_is_for_a_day(self, storage: Storage):
        throttle = Throttle(storage)
        taken = [throttle.take_of_day("forms:1", "2026-01-01", 2) for _ in range(3)]
        assert taken == [True, True, False]
        assert throttle.take_of_day("forms:1", "2026-01-02", 2)
        assert throttle.take_of_day("forms:2", "2026-01-01", 2)
        assert not throttle.take_of_day("forms:3", "2026-01-01", 0)

    def test_nothing_that_people_typed_stands_in_the_keys(self):
        storage = MemoryStorage()
        Throttle(storage).failed("web:amina@example.org", HERE)
        assert not any("amina" in key or HERE in key for key in storage.storage)


def test_processes_count_together_through_redis_and_alone_without(stored: str):
    with redis_server() as url:
        one, two = (Throttle(storage_from_string(f"redis+{url}")) for _ in range(2))
        for _ in range(10):
            one.failed("web:a", HERE)
        assert two.seconds_to_wait("web:a", HERE) > 0
    # Redis is gone: no error, each process counts for itself.
    assert two.seconds_to_wait("web:a", HERE) == 0
    for _ in range(10):
        two.failed("web:a", HERE)
    assert two.seconds_to_wait("web:a", HERE) > 0
    assert PasswordChecks("a secret", two).right("web:b", RIGHT, stored, HERE)


def test_redis_is_asked_again_after_a_pause(monkeypatch: pytest.MonkeyPatch):
    throttle = Throttle(storage_from_string("redis+unix:///nowhere/at/all.sock"))
    asked = []
    ask = throttle._shared.test

    def counting(*args: object) -> bool:
        asked.append(args)
        return ask(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(throttle._shared, "test", counting)
    for _ in range(5):
        assert throttle.seconds_to_wait("web:a", HERE) == 0
    assert len(asked) == 1
    throttle._paused_until = 0.0
    throttle.seconds_to_wait("web:a", HERE)
    assert len(asked) == 2


def test_what_another_process_remembers_is_no_way_around_the_limit_either(stored: str):
    counts = Throttle(MemoryStorage())
    one, other = (PasswordChecks("a secret", counts) for _ in range(2))
    assert one.right("web:a", RIGHT, stored, HERE)
    for _ in range(10):
        assert not other.right("web:a", "wrong", stored, HERE)
    assert one.right("web:a", RIGHT, stored, HERE), "the phone goes on, as nobody guesses here"
    with pytest.raises(TooMany):
        one.right("web:a", "wrong", stored, HERE)
    with pytest.raises(TooMany):
        one.right("web:a", RIGHT, stored, HERE)


@pytest.mark.parametrize("elsewhere", ["10.0.0.2", HERE])
def test_a_remembered_success_is_no_way_around_the_limit(
    checks: PasswordChecks, stored: str, elsewhere: str
):
    """Else the right password among many wrong ones would be the one that is let in."""
    assert checks.right("web:a", RIGHT, stored, HERE)
    for _ in range(10):
        assert not checks.right("web:a", "wrong", stored, elsewhere)
    with pytest.raises(TooMany):
        checks.right("web:a", RIGHT, stored, elsewhere)
    if elsewhere != HERE:
        assert checks.right("web:a", RIGHT, stored, HERE), "the phone goes on working"
