"""Forms on their way here, by the server that people have: what breaks off, what is too large, and
refusals that a phone hears (SPEC S1, S2, S4)."""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func
from sqlalchemy import select as query

from tests import factories
from tests.conftest import make_app
from tests.forms import case_block, form
from tests.servers import web_server
from tests.web.signing_in import basic
from webapp.api.arriving import arriving
from webapp.extensions import db
from webapp.submissions.models import Submission

MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
#: Of the server; half of them may wait for strangers.
THREADS = 4


@dataclass
class Door:
    """The receiver of a project, behind a socket."""

    app: Flask
    address: str
    path: str
    auth: dict[str, str]

    def send(
        self, body: bytes | Iterator[bytes], *, path: str = "", **headers: str
    ) -> tuple[int, str]:
        """As a phone does it: all of it is sent, then the answer is read. An iterator is sent in
        chunks, without saying how long it is."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=30)
        try:
            connection.request("POST", path or self.path, body, {**self.auth, **headers})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def begin(self, came: bytes, headers: Mapping[str, str]) -> socket.socket:
        """Send the beginning of a body."""
        place = urlsplit(self.address)
        connection = socket.create_connection((place.hostname, place.port), timeout=30)
        lines = [
            f"POST {self.path} HTTP/1.1",
            "Host: x",
            *(f"{k}: {v}" for k, v in headers.items()),
        ]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + came)
        return connection

    def break_off(self, came: bytes, **headers: str) -> int:
        """Send the beginning of a body and no more; the status of the answer."""
        with self.begin(came, {**self.auth, **headers}) as connection:
            connection.shutdown(socket.SHUT_WR)
            return status_of(connection)

    def stored(self) -> int:
        with self.app.app_context():
            return db.session.scalar(query(func.count()).select_from(Submission)) or 0


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(1000).split()[1])


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """On SQLite only: what comes before the form is read has nothing to do with the database."""
    app = make_app(tmp_path_factory.mktemp("door"), "", web_threads=THREADS)
    with app.app_context():
        project = factories.project()
        auth = basic(factories.mobile_worker(project).username, factories.PASSWORD)
        path = f"/a/{project.name}/receiver/"
    with web_server(app) as address:
        yield Door(app, address, path, auth)
    with app.app_context():
        db.engine.dispose()


def pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 100_000):
        yield body[start : start + 100_000]


def multipart(xml: bytes, more: int = 0) -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n%s\r\n'
    return part % (b"xml_submission_file", xml) + part % (b"photo", bytes(more)) + b"--b--\r\n"


class TestTooLarge:
    def test_a_form_in_chunks_is_not_cut_off_at_the_limit(self, door: Door):
        xml = form(case_block("a", create={}))
        before = door.stored()
        status, text = door.send(pieces(xml + b"\n" * 10_000_000))
        assert (status, door.stored()) == (413, before)
        assert "10,000,000 bytes" in text
        status, _text = door.send(pieces(xml + b"\n" * (10_000_000 - len(xml))))
        assert (status, door.stored()) == (201, before + 1)


@dataclass(frozen=True)
class Refused:
    """Who is refused, and with what."""

    status: int
    auth: dict[str, str]
    path: str = ""


@pytest.fixture(scope="module")
def refused(door: Door) -> dict[str, Refused]:
    with door.app.app_context():
        project = factories.project(anonymous_submissions=True, anonymous_quota=0)
        viewer = factories.web_user(project, "viewer")
        full = f"/a/{project.name}/receiver/"
        return {
            "a wrong password": Refused(401, basic("somebody", "wrong")),
            "no password": Refused(401, {"Authorization": ""}),
            "no right": Refused(403, basic(viewer.email, factories.PASSWORD), full),
            "no project": Refused(404, basic(viewer.email, factories.PASSWORD)),
            "too many": Refused(429, {"Authorization": ""}, full),
        }


class TestRefused:
    """Each is sent as a phone does it: one whose connection is cut off while it sends takes that
    for a bad one, and tries again for ever."""

    @pytest.mark.parametrize(
        "who", ["a wrong password", "no password", "no right", "no project", "too many"]
    )
    def test_whoever_is_refused_hears_why(self, door: Door, refused: dict[str, Refused], who: str):
        one = refused[who]
        for body in (bytes(8_000_000), pieces(bytes(8_000_000))):
            status, text = door.send(body, path=one.path, **one.auth)
            assert (status, "OpenRosaResponse" in text) == (one.status, True)

    def test_of_what_is_too_large_too(self, door: Door):
        before = door.stored()
        for headers in (MULTIPART, MULTIPART | {"Content-Length": "150000000"}, {}):
            status, text = door.send((bytes(1_000_000) for _ in range(150)), **headers)
            assert (status, "larger than the" in text) == (413, True)
        assert door.stored() == before

    def test_strangers_who_stop_sending_do_not_hold_all_threads(self, door: Door):
        with ExitStack() as stack:
            waiting = [
                stack.enter_context(door.begin(b"some", {"Content-Length": "1000"}))
                for _ in range(3 * THREADS)
            ]
            began = time.monotonic()
            status, _text = door.send(form(case_block("a", create={})))
            assert (status, time.monotonic() - began < 4) == (201, True)
            answered, _, _ = select.select(waiting, [], [], 0)
            assert [status_of(one) for one in answered] == [401] * (3 * THREADS - THREADS // 2)


@pytest.mark.parametrize("trickles", [False, True])
def test_no_refusal_waits_for_ever(app: Flask, trickles: bool):
    ours, theirs = socket.socketpair()
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(0.02):
            theirs.send(b"x")

    sender = threading.Thread(target=trickle)
    with ours, theirs, ours.makefile("rb") as stream:
        if trickles:
            sender.start()
        environ = {
            "gunicorn.socket": ours,
            "wsgi.input": stream,
            "CONTENT_LENGTH": "1000000",
        }
        began = time.monotonic()
        with app.test_request_context(environ_overrides=environ):
            arriving().let_it_come(0.3)
        assert 0.2 < time.monotonic() - began < 5
        over.set()
        if trickles:
            sender.join()


class TestBrokenOff:
    """The phone has it still and sends it again: what came of it is no form of anybody's."""

    XML = form(case_block("a", create={}))

    @pytest.mark.parametrize("lacking", [1, 1000])
    def test_with_a_length(self, door: Door, lacking: int):
        before = door.stored()
        status = door.break_off(self.XML, **{"Content-Length": str(len(self.XML) + lacking)})
        assert (status, door.stored()) == (400, before)

    def test_multipart(self, door: Door):
        body, before = multipart(self.XML, 200_000), door.stored()
        for came in (body[:100_000], body[:-3]):
            status = door.break_off(came, **MULTIPART, **{"Content-Length": str(len(body))})
            assert (status, door.stored()) == (400, before)

    @pytest.mark.parametrize("end", [b"", b"5\r\n<a", b"no number\r\n", b"0\r\n"])
    @pytest.mark.parametrize("kind", [{}, MULTIPART])
    def test_in_chunks(self, door: Door, end: bytes, kind: dict[str, str]):
        body = multipart(self.XML) if kind else self.XML
        came, before = b"%x\r\n%s\r\n" % (len(body), body) + end, door.stored()
        status = door.break_off(came, **kind, **{"Transfer-Encoding": "chunked"})
        assert (status, door.stored()) == (400, before)
