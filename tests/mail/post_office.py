"""A mail server of our own, on a real socket."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from tests.databases import free_port

#: For this machine, signed by itself, until 2120; of no use to anybody else.
CERTIFICATE = Path(__file__).with_name("localhost.pem")
USER, PASSWORD = "casekeeper@example.org", "p@ss/word"


class PostOffice:
    """Keeps what it takes. `refused` and `rejected` are the answers to recipients and to messages;
    `slow` seconds pass before it takes a message."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refused: dict[str, str] = {}
        self.rejected = ""
        self.slow = 0.0
        self.port = 0
        self.connections = 0

    def to(self, address: str) -> list[EmailMessage]:
        """What came for an address."""
        return [message for addresses, message in self.mails if address in addresses]

    async def handle_EHLO(  # noqa: N802
        self,
        _server: Any,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: Any, _session: Session, envelope: Envelope
    ) -> str:
        if self.slow:
            await asyncio.sleep(self.slow)
        if self.rejected:
            return self.rejected
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append((list(envelope.rcpt_tos), message))
        return "250 OK"


@contextmanager
def open_post_office(
    *, encryption: str = "none", auth: bool = False, ascii_only: bool = False, port: int = 0
) -> Iterator[PostOffice]:
    """Serve on a port of this machine until the block ends."""
    office = PostOffice()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    more: dict[str, Any] = {"enable_SMTPUTF8": not ascii_only}
    if encryption == "starttls":
        more |= {"tls_context": context, "require_starttls": True}
    elif encryption == "tls":
        more |= {"ssl_context": context}
    if auth:
        more |= {"authenticator": _check, "auth_required": True, "auth_require_tls": False}
    controller = Controller(office, hostname="127.0.0.1", port=port or free_port(), **more)
    controller.start()
    office.port = controller.port
    try:
        yield office
    finally:
        controller.stop()


def _check(
    _server: Any, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword
) -> AuthResult:
    right = (given.login.decode(), given.password.decode()) == (USER, PASSWORD)
    return AuthResult(success=right, handled=False)
