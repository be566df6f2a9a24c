"""Forms on their way here, by the server that people have: what breaks off, what is too large, and
refusals that a phone hears (SPEC S1, S2, S4)."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories
from tests.conftest import make_app
from tests.forms import case_block, form
from tests.servers import web_server
from tests.web.signing_in import basic
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
            return db.session.scalar(select(func.count()).select_from(Submission)) or 0


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
