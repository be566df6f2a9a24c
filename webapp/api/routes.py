"""What the routes of the JSON APIs have in common: rights, and errors as JSON (SPEC I1, I7, X1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue

from webapp.api.auth import THIS_KEY, authenticated
from webapp.audit.actor import Actor
from webapp.errors import Invalid, NotAllowed
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.naming import owners_named

View = Callable[..., ResponseReturnValue]


class ReadableJson(DefaultJSONProvider):
    """Names in the order in which we write them, and letters as they are: people read this too."""

    ensure_ascii = False
    sort_keys = False


class InvalidFields(Invalid):
    """What was sent is wrong in these places: `fields` has a sentence for each name or path."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


def api_route(right: Right) -> Callable[[View], View]:
    """Let a view be called with HTTP Basic or a key, by members of the project in its address who
    have `right` and *API access*; anything but `Right.VIEW` also wants a key that may write.

    The address has `<project_name>`; the view gets `project` and `by` instead. Answers 401 with a
    challenge, 404 for a project of others or none, 403 with the right that lacks, 429. The session
    cookie counts for nothing. Three queries, and what a password costs.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(project_name: str, **parts: Any) -> ResponseReturnValue:
            session = db.session()
            caller = authenticated(session, project_name)
            caller.needs(right)
            caller.needs(Right.API_ACCESS)
            if caller.read_only and right is not Right.VIEW:
                raise NotAllowed(right.label, THIS_KEY)
            project = session.get_one(Project, caller.project_id)
            by = Actor(caller.user_id, caller.username, request.remote_addr or "")
            with owners_named(session, project.id):
                return view(project=project, by=by, **parts)

        guarded.needs = right  # type: ignore[attr-defined]  # read by the test of all routes
        guarded.machine = True  # type: ignore[attr-defined]  # no session cookie, no redirect
        return guarded

    return decorate


def json_error(status: int, sentence: str, fields: Mapping[str, str] | None = None) -> Response:
    """`{"error": …}`, and with a 400 also the fields that are wrong, if it is about fields."""
    document: dict[str, object] = {"error": sentence}
    if status == 400:
        document["fields"] = dict(fields or {})
    answer = jsonify(document)
    answer.status_code = status
    return answer


def say_which_fields(blueprint: Blueprint) -> None:
    """Let a blueprint's 400 name the fields that are wrong."""

    @blueprint.errorhandler(Invalid)
    def on_invalid(error: Invalid) -> Response:
        fields: Mapping[str, str] = getattr(error, "fields", {})
        # A sentence of a form stands beside its field; here the path must say where that is.
        sentence = " ".join(f"{path}: {says}" for path, says in fields.items())
        return json_error(400, sentence or error.message, fields)
