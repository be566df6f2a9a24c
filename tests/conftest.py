"""What every test may ask for.

`app` runs a test on SQLite and on PostgreSQL, with real commits. The database is made once and
never emptied: each test makes a project of its own, for isolation by project is what the product
promises. So no test counts anything over all projects.
"""

from __future__ import annotations

import contextvars
import gc
import ipaddress
import random
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import event
from sqlalchemy.orm import InstanceState, Session

from tests.databases import end_without_postgresql, postgres_database
from tests.quick_flask import quick_flask
from webapp import clock, create_app
from webapp.config import Settings
from webapp.database_upgrade import upgrade_database
from webapp.extensions import db
from webapp.people import many, passwords
from webapp.people import operations as people
from webapp.projects.models import Project

SECRET = "only for tests, never for people"

# How fast a machine is fails no example: the first text in a new folder takes Hypothesis a second.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


#: What is imported and collected stays: to look for garbage in it meanwhile is time lost.
gc.disable()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Once for all processes."""
    if not hasattr(session.config, "workerinput"):
        end_without_postgresql()


def pytest_collection_finish() -> None:
    """What is there now stays to the end: it need not be looked through for garbage all the time,
    which took a tenth of all tests."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


@event.listens_for(Project, "expire", raw=True)
def keep_key(state: InstanceState[Any], _attributes: object) -> None:
    """A test's project keeps its key: to look at no more than that would read its row anew after
    each commit, which was a tenth of the statements of all tests."""
    if state.key is not None:
        state.dict["id"] = state.key[1][0]
        state.expired_attributes.discard("id")


class FreshClient(FlaskClient):
    """A client whose requests see nothing of the test's own context but its clock, as in life.

    Flask would reuse the test's context, and with it the session, the user and all of `g`. Each
    client has an address of its own, so that no test throttles another.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.environ_base["REMOTE_ADDR"] = str(ipaddress.ip_address(random.getrandbits(128)))

    def open(self, *args: Any, **kwargs: Any) -> Any:
        inside = contextvars.Context()
        inside.run(clock._moved.set, clock._moved.get())
        response = inside.run(super().open, *args, **kwargs)
        if response.is_streamed:
            inside.run(response.get_data)
        if contextvars.copy_context().get(_in_session):
            db.session.rollback()  # what the request committed is to be seen
        return response


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[dict[str, Any]]:
    """Thousands of people get a password here and sign in with it, or with a wrong one: not at
    60 ms each. The value is what costs as much as in life, which `tests/people/test_passwords.py`
    holds."""
    agreed = {name: getattr(passwords, name) for name in ("_hasher", "NOBODY_KNOWS")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(1, memory_cost=8, parallelism=1))
        nobody = passwords._of_no_password()
        for module in (passwords, people, many):
            patch.setattr(module, "NOBODY_KNOWS", nobody)
        yield agreed


_in_session: contextvars.ContextVar[bool] = contextvars.ContextVar("in_session", default=False)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database's address; "" means the embedded SQLite file."""
    if request.param == "sqlite":
        yield ""
    else:
        with postgres_database() as url:
            yield url


@pytest.fixture(scope="session")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application on a migrated database of its own."""
    app = make_app(tmp_path_factory.mktemp("data"), database_url)
    yield app
    with app.app_context():
        db.engine.dispose()


def make_app(
    data: Path, database_url: str, *, waits_for_disk: bool = False, **changes: Any
) -> Flask:
    """An application for tests; `changes` are settings.

    SQLite does not wait for the disk, as the tests' PostgreSQL does not: no test cuts the power,
    and tens of thousands of commits would each take a millisecond or three.
    `tests/submissions/test_durable.py` holds that in life it waits.
    """
    settings = Settings(data=data, database_url=database_url, secret=SECRET, **changes)
    app = create_app(settings)
    app.testing = True
    app.test_client_class = FreshClient
    app.jinja_env.bytecode_cache = _compiled
    if not (database_url or waits_for_disk):
        with app.app_context():
            event.listen(db.engine, "connect", _do_not_wait)
    upgrade_database(app)
    return app


class Compiled(BytecodeCache):
    """What the applications of one process have compiled of their templates, which are the same:
    1.3 s for all of them, and then again for the other database."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_compiled = Compiled()


def _do_not_wait(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """The database session of the test itself, in an application context."""
    token = _in_session.set(True)
    with app.app_context():
        yield db.session()
        db.session.rollback()
    _in_session.reset(token)


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, so that what is done twice has the same times."""
    at = time.time_ns()
    monkeypatch.setattr(clock, "time", SimpleNamespace(time_ns=lambda: at))


@pytest.fixture(scope="session")
def flask_command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The words with which commands begin that need not show how they start."""
    with quick_flask(tmp_path_factory.mktemp("flask")) as command:
        yield command


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser or phone without cookies or credentials."""
    return app.test_client()


@pytest.fixture
def project(session: Session) -> Project:
    """A new project."""
    from tests.factories import project as make_project

    return make_project()
