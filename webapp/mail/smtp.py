"""Speaking to the mail server, and what its answers mean for a letter."""

from __future__ import annotations

import smtplib
import ssl
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from types import TracebackType
from typing import Self

from webapp.clock import to_datetime
from webapp.config import Settings
from webapp.mail.models import Letter
from webapp.mail_settings import Encryption, MailServer, mail_server, sender

#: An answer of a mail server is kept up to this length.
LONGEST = 300


class Trouble(Exception):
    """A letter was not taken; `sentence` says why, for the project's admins."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Refused(Trouble):
    """This letter will never be taken."""


class TakenLater(Trouble):
    """This letter may be taken at another time."""


class NoWay(Trouble):
    """The server, or the way to it: no letter can be sent now."""


class Line:
    """A connection to the mail server, made when the first letter needs it, and kept for others.
    The server may be silent for `patience_s` seconds."""

    def __init__(self, settings: Settings, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._server = mail_server(settings.smtp_url)
        self._sender = sender(settings.mail_from)
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hang_up()

    def send(self, address: str, message: EmailMessage) -> None:
        """Hand a message over. Raises `Refused`, `TakenLater` or `NoWay`."""
        smtp = self._connected()
        try:
            smtp.send_message(message, from_addr=self._sender, to_addrs=[address])
        except smtplib.SMTPRecipientsRefused as refused:
            code, answer = next(iter(refused.recipients.values()))
            raise _kind_of(code)(_said(code, answer)) from refused
        except smtplib.SMTPDataError as refused:
            raise _kind_of(refused.smtp_code)(
                _said(refused.smtp_code, refused.smtp_error)
            ) from refused
        except smtplib.SMTPNotSupportedError as refused:
            raise Refused(
                "The mail server does not know addresses with letters beyond those of English."
            ) from refused
        except (OSError, smtplib.SMTPException) as error:
            self._hang_up()
            raise NoWay(_in_words(error)) from error

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is None or self._smtp.sock is None:
            try:
                self._smtp = _connect(
                    self._server, self._sender.rpartition("@")[2], self._patience_s
                )
            except (OSError, smtplib.SMTPException, UnicodeError) as error:
                raise NoWay(_in_words(error)) from error
        return self._smtp

    def _hang_up(self) -> None:
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (OSError, smtplib.SMTPException):
                self._smtp.close()
            self._smtp = None


def as_message(letter: Letter, mail_from: str) -> EmailMessage:
    """A letter as it travels: the same bytes at every try."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = mail_from
    message["To"] = letter.address
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(to_datetime(letter.written_on))
    domain = sender(mail_from).rpartition("@")[2]
    message["Message-ID"] = f"<letter-{letter.id}-{letter.written_on}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # so that no absence note comes back
    message.set_content(letter.body)
    return message


def _connect(server: MailServer, our_name: str, patience_s: float) -> smtplib.SMTP:
    """Greet a server, by the domain of our mails: asking for the machine's own full name may take
    half a minute."""
    secure = ssl.create_default_context()
    if server.encryption is Encryption.TLS:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, our_name, timeout=patience_s, context=secure
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, our_name, timeout=patience_s)
    try:
        if server.encryption is Encryption.STARTTLS:
            smtp.starttls(context=secure)
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _kind_of(code: int) -> type[Trouble]:
    """5xx is for ever, 4xx for now."""
    return Refused if code >= 500 else TakenLater


def _said(code: int, answer: bytes | str) -> str:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"The mail server said: {code} {words}"[:LONGEST]


def _in_words(error: Exception) -> str:
    """What is wrong with the way to the server. It is shown on a page, so no more than needed."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "The mail server does not offer what SMTP_URL asks for (starttls, or a password)."
    if isinstance(error, UnicodeError):
        return "The user or password in SMTP_URL has a character that a mail server cannot read."
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", "") or error.reason or "no reason given"
        return f"No secure connection to the mail server could be made: {reason}."[:LONGEST]
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "The mail server did not answer in time."
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "The mail server ended the connection."
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"The mail server cannot be reached: {reason}."[:LONGEST]
