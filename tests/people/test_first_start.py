"""The first start (SPEC X6)."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.conftest import make_app
from tests.forms import form
from tests.web.signing_in import basic, signed_in_by_form
from webapp.extensions import db
from webapp.people.first_start import first_start
from webapp.people.models import WebUser
from webapp.people.operations import get_web_user


def test_the_first_start_makes_a_login_that_works_once(tmp_path: Path):
    app = make_app(tmp_path, "")
    old = tmp_path / "first-login.txt"
    old.write_text("of another time")
    old.chmod(0o644)
    with app.app_context():
        login = first_start(tmp_path)
        assert login is not None
        user = get_web_user(db.session(), login.email)
        browser = signed_in_by_form(app, user, password=login.password)
        assert first_start(tmp_path) is None
    assert stat.S_IMODE(login.file.stat().st_mode) == 0o600
    text = login.file.read_text()
    assert "another time" not in text
    for part in (login.email, login.password, login.worker, login.worker_password):
        assert part in text
    assert browser.client.get("/").headers["Location"] == f"/a/{login.project}/"
    answer = app.test_client().post(
        f"/a/{login.project}/receiver/",
        data=form(),
        headers=basic(login.worker, login.worker_password),
    )
    assert answer.status_code == 201


def test_without_a_file_there_is_no_account(tmp_path: Path):
    app = make_app(tmp_path, "")
    with app.app_context():
        with pytest.raises(OSError, match="nowhere"):
            first_start(tmp_path / "nowhere")
        assert db.session.scalar(select(WebUser.id)) is None
        assert first_start(tmp_path) is not None
