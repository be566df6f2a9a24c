"""A preview that nobody waits for any more ends."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.slow import take_long
from tests.web.signing_in import signed_in
from webapp.projects.models import Project
from webapp.readers import Readers
from webapp.rules import preview
from webapp.web.hung_up import is_closed


def test_a_connection_is_closed_when_nothing_can_come_any_more():
    ours, theirs = socket.socketpair()
    assert not is_closed(ours)
    theirs.send(b"POST")
    assert not is_closed(ours)
    assert ours.recv(10) == b"POST", "nothing was taken"
    theirs.close()
    assert is_closed(ours)
    ours.close()
    assert is_closed(ours)


def test_a_preview_ends_when_the_browser_asks_for_another(
    app: Flask, session: Session, project: Project, monkeypatch: pytest.MonkeyPatch
):
    amina = signed_in(app, factories.web_user(project, role="editor"))
    form = dict(amina.get(f"/a/{project.name}/rules/new").form("rule-form").entries())
    form |= {"case_type": "patient", "match": "every_case", "close": "y"}

    def count_long(both: Readers, *_: Any) -> None:
        take_long(both.session, 15)

    monkeypatch.setattr(preview, "count_cases", count_long)
    ours, theirs = socket.socketpair()
    theirs.close()
    began = time.monotonic()
    answer = amina.client.post(
        f"/a/{project.name}/rules/preview", data=form, environ_base={"werkzeug.socket": ours}
    )
    assert "too slow to count" in answer.text, "which nobody reads"
    assert time.monotonic() - began < 10
    ours.close()
