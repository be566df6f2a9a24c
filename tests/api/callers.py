"""Calling the JSON APIs in tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories import actor, web_user
from tests.web.signing_in import basic
from webapp.database import write_transaction
from webapp.people.keys import create_key
from webapp.people.models import WebUser
from webapp.projects.models import Project


@dataclass
class Caller:
    """A tool that calls the API of one project, as a web user."""

    client: FlaskClient
    project: Project
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> TestResponse:
        return self.client.get(self.url(path), headers=self.headers)

    def delete(self, path: str) -> TestResponse:
        return self.client.delete(self.url(path), headers=self.headers)

    def post(self, path: str, body: Any = None) -> TestResponse:
        return self.send("POST", path, body)

    def put(self, path: str, body: Any) -> TestResponse:
        return self.send("PUT", path, body)

    def send(
        self, method: str, path: str, body: Any, content_type: str = "application/json"
    ) -> TestResponse:
        """Send a body: bytes as they are, None as no body at all, anything else as JSON."""
        if body is None:
            return self.client.open(self.url(path), method=method, headers=self.headers)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.open(
            self.url(path), method=method, data=raw, content_type=content_type, headers=self.headers
        )

    def url(self, path: str) -> str:
        return f"/a/{self.project.name}/api/{path}"


def calling(client: FlaskClient, project: Project, role: str = "editor") -> Caller:
    """A caller with the password of a web user of that role."""
    return Caller(client, project, basic(web_user(project, role).email))


def with_key(
    client: FlaskClient, project: Project, *, read_only: bool = False, scheme: str = "ApiKey"
) -> Caller:
    """A caller with a key of an editor."""
    amina = web_user(project, "editor")
    with write_transaction() as session:
        key, _row = create_key(session, amina, read_only=read_only, by=actor())
    return Caller(client, project, key_of(amina, key, scheme))


def key_of(user: WebUser, key: str, scheme: str = "ApiKey") -> dict[str, str]:
    return {"Authorization": f"{scheme} {user.email}:{key}"}


#: A rule of SPEC §4.9, with a bit of everything.
STALE: dict[str, Any] = {
    "name": "Close stale patients",
    "description": "",
    "case_type": "patient",
    "match": "all",
    "criteria": [
        {"kind": "property", "property": "status", "operator": "equals", "value": "completed"},
        {"kind": "date", "property": "edd", "operator": "on_or_after", "days": 30},
    ],
    "actions": [
        {"kind": "set", "property": "close_reason", "value": "automatic"},
        {"kind": "close"},
    ],
}


def rule(**changes: Any) -> dict[str, Any]:
    """`STALE` with changes."""
    return STALE | changes
