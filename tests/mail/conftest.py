"""The mail room needs a mail server, and an application that knows where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import delete
from sqlalchemy.orm import Session

from tests.jobs.conftest import redis_url
from tests.mail.post_office import PostOffice, open_post_office
from webapp.database import write_transaction
from webapp.mail.models import Letter

__all__ = ["redis_url"]


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    """A mail server that takes everything."""
    with open_post_office() as office:
        yield office


@pytest.fixture
def mailing(app: Flask, session: Session, post_office: PostOffice) -> Iterator[PostOffice]:
    """An application that sends its mails there; nothing waits from before."""
    with write_transaction():
        session.execute(delete(Letter))
    with pytest.MonkeyPatch.context() as patch:
        settings = replace(
            app.extensions["settings"],
            smtp_url=f"smtp://127.0.0.1:{post_office.port}",
            mail_from="Casekeeper <casekeeper@example.org>",
            public_url="https://cases.example.org/",
        )
        patch.setitem(app.extensions, "settings", settings)
        yield post_office


@pytest.fixture
def mail_to(
    app: Flask, mailing: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Have mails go to another server, at an SMTP_URL."""

    def change(url: str) -> None:
        settings = replace(app.extensions["settings"], smtp_url=url)
        monkeypatch.setitem(app.extensions, "settings", settings)

    return change
