"""Where `up` listens, and what it says when it cannot."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from webapp.embedded.address import listen, location, page_address
from webapp.errors import CasekeeperError


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_next_port_is_taken_and_said_when_nobody_asked_for_one(busy: int):
    said: list[str] = []
    with listen("127.0.0.1", busy, asked_for=False, say=said.append) as listener:
        port = listener.getsockname()[1]
    assert port > busy
    assert said == [f"Port {busy} is taken, so this is port {port}."]


@pytest.mark.parametrize(
    ("host", "port", "sentence"),
    [
        ("127.0.0.1", None, "is taken by another program"),
        ("127.0.0.1", 0, "PORT must be a number from 1 to 65535, not 0."),
        ("127.0.0.1", 70000, "PORT must be a number from 1 to 65535, not 70000."),
        ("192.0.2.1", 5000, "HOST is “192.0.2.1”, which is no address of this machine."),
    ],
)
def test_what_cannot_be_listened_on_says_what_to_set(
    busy: int, host: str, port: int | None, sentence: str
):
    with pytest.raises(CasekeeperError) as caught:
        listen(host, busy if port is None else port, asked_for=True, say=print)
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:5000/"),
        ("0.0.0.0", "http://127.0.0.1:5000/"),
        ("::", "http://[::1]:5000/"),
        ("fd00::7", "http://[fd00::7]:5000/"),
    ],
)
def test_the_address_can_be_opened_on_this_machine(host: str, address: str):
    assert page_address(host, 5000) == address


def test_ipv6_stands_in_brackets():
    assert location("::", 5000) == "[::]:5000"
