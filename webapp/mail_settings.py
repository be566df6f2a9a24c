"""Reading what the environment says about e-mail. Pure; a `ValueError` carries a sentence that
follows the setting's name, and never repeats a password."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from email import policy
from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlsplit


class Encryption(StrEnum):
    """How the way to the mail server is kept secret."""

    NONE = "none"
    #: From the first command after the greeting on.
    STARTTLS = "starttls"
    #: From the first byte on.
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over, and as whom (nobody, if `user` is empty)."""

    host: str
    port: int
    encryption: Encryption = Encryption.NONE
    user: str = ""
    password: str = field(default="", repr=False)


_FORM = (
    "must look like smtp://user:password@host:587?starttls, smtps://user:password@host or"
    " smtp://host:25, with % codes for what is special in an address (%40 for @)."
)


def mail_server(url: str) -> MailServer:
    """The server of an SMTP_URL. Ports, unless given: 465 for smtps, 587 with starttls, else 25.

    Raises `ValueError`; also for a password that would go over a network unencrypted.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(_FORM) from None
    encryption = _ENCRYPTIONS.get((parts.scheme, parts.query))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if (
        encryption is None
        or not parts.hostname
        or port == 0
        or parts.path not in {"", "/"}
        or parts.fragment
        or bool(user) != bool(password)
    ):
        raise ValueError(_FORM)
    if password and encryption is Encryption.NONE and not _is_this_machine(parts.hostname):
        raise ValueError(
            "must not send a password unencrypted: write smtps://…, or smtp://…?starttls."
        )
    return MailServer(parts.hostname, port or _PORTS[encryption], encryption, user, password)


_ENCRYPTIONS = {
    ("smtp", ""): Encryption.NONE,
    ("smtp", "starttls"): Encryption.STARTTLS,
    ("smtps", ""): Encryption.TLS,
}
_PORTS = {Encryption.NONE: 25, Encryption.STARTTLS: 587, Encryption.TLS: 465}


def sender(text: str) -> str:
    """The address of a MAIL_FROM alone, without the name. Raises `ValueError`."""
    try:
        header: Any = policy.SMTP.header_factory("From", text)
    except IndexError:  # the library's, for an address that breaks off
        raise ValueError(_SENDER) from None
    if len(header.addresses) != 1 or header.defects:
        raise ValueError(_SENDER)
    address: str = header.addresses[0].addr_spec
    if not header.addresses[0].domain or not address.isascii():
        raise ValueError(_SENDER)
    return address


_SENDER = "must look like casekeeper@example.org or Casekeeper <casekeeper@example.org>."


def public_url(text: str) -> str:
    """The site's address without a slash at its end, so that a path can follow. Raises
    `ValueError`."""
    wanted = "must look like https://cases.example.org, without a path."
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(wanted) from None
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or port == 0
        or parts.username is not None
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise ValueError(wanted)
    return f"{parts.scheme}://{parts.netloc}"


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
