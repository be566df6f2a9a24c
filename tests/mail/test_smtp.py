"""The way to the mail server: encrypted, signed in, or said to be neither (real sockets)."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from urllib.parse import quote

import pytest

from tests.mail.post_office import CERTIFICATE, PASSWORD, USER, open_post_office
from webapp.config import Settings
from webapp.mail.smtp import Line, NoWay, Refused

#: To the test server a connection that is encrypted from the first byte on looks like none.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

AMINA = "amina@example.org"
CREDENTIALS = f"{quote(USER)}:{quote(PASSWORD, safe='')}@"


def send(url: str, address: str = AMINA) -> None:
    settings = Settings(
        smtp_url=url, mail_from="casekeeper@example.org", public_url="https://x.org"
    )
    message = EmailMessage()
    message["To"], message["From"] = address, settings.mail_from
    message.set_content("It works.")
    with Line(settings, patience_s=5) as line:
        line.send(address, message)


def problem(url: str, address: str = AMINA) -> str:
    with pytest.raises(NoWay) as no_way:
        send(url, address)
    return no_way.value.sentence


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts the server's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


Address = Callable[[int], str]
WAYS: dict[str, Address] = {
    "starttls": lambda port: f"smtp://{CREDENTIALS}127.0.0.1:{port}?starttls",
    "tls": lambda port: f"smtps://{CREDENTIALS}localhost:{port}",
    "none": lambda port: f"smtp://{CREDENTIALS}127.0.0.1:{port}",
}


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("way", WAYS)
def test_a_mail_is_handed_over_by_whom_the_server_knows(way: str):
    with open_post_office(encryption=way, auth=True) as office:
        send(WAYS[way](office.port))
        assert len(office.to(AMINA)) == 1


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_is_said_without_it():
    with open_post_office(encryption="starttls", auth=True) as office:
        said = problem(f"smtp://{quote(USER)}:hush@localhost:{office.port}?starttls")
        assert said.startswith("The mail server said: 535 5.7.8") and "hush" not in said
        assert problem(f"smtp://u:%C3%BC@localhost:{office.port}?starttls").startswith(
            "The user or password in SMTP_URL has a character"
        )
        assert problem(f"smtp://localhost:{office.port}?starttls").startswith(
            "The mail server said: 530"
        )
        assert office.mails == []


@pytest.mark.parametrize("way", ["starttls", "tls"])
def test_a_certificate_that_nobody_knows_ends_it(way: str):
    with open_post_office(encryption=way, auth=True) as office:
        said = problem(WAYS[way](office.port))
        assert said.startswith("No secure connection to the mail server could be made: self")
        assert office.mails == []


def test_a_server_without_starttls_gets_nothing_in_the_open():
    with open_post_office() as office:
        said = problem(f"smtp://127.0.0.1:{office.port}?starttls")
        assert "does not offer what SMTP_URL asks for" in said
        assert problem(f"smtps://127.0.0.1:{office.port}").startswith("No secure connection")
        assert office.mails == []


def test_a_name_that_leads_nowhere_is_said():
    assert problem("smtp://mail.invalid").startswith("The mail server cannot be reached: ")


def test_addresses_beyond_ascii_need_a_server_that_knows_them():
    zoe = "zoë@example.org"
    with open_post_office() as office:
        send(f"smtp://127.0.0.1:{office.port}", zoe)
        assert len(office.to(zoe)) == 1
    with open_post_office(ascii_only=True) as office:
        with pytest.raises(Refused) as refused:
            send(f"smtp://127.0.0.1:{office.port}", zoe)
        assert "letters beyond those of English" in refused.value.sentence
