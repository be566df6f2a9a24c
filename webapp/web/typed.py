"""What a person typed does not get lost with their session (UX "Lost session").

A form that takes long to fill in may be sent after the session ended. Its view names another one,
by `shown_again_by`, that shows such a form as it was typed and saves nothing. Then the login page
carries what was typed, and after signing in the form is shown again. Where there is nothing to
type, the login page says that nothing was done, and leads back to the page with the button.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import current_app, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from webapp.errors import Invalid
from webapp.strict_json import read_json
from webapp.web.filtered import with_query

View = TypeVar("View", bound=Callable[..., object])

#: Larger than any form that a person fills in.
LARGEST = 1_000_000


def shown_again_by(endpoint: str, *, only_by_token: bool = False) -> Callable[[View], View]:
    """Say which view shows the form again that the decorated one takes; it may be the same. With
    `only_by_token` it is one that leads to a question, and keeps something for that: it is never
    called for a form that came with the token of another session."""

    def decorate(view: View) -> View:
        view.shown_again = endpoint  # type: ignore[attr-defined]
        view.only_by_token = only_by_token  # type: ignore[attr-defined]
        return view

    return decorate


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was sent: to `path` it can be sent again, where it is only shown."""

    path: str
    fields: tuple[tuple[str, str], ...]

    def as_text(self) -> str:
        """For a hidden field of the login page; `typed_before` reads it."""
        return json.dumps({"path": self.path, "fields": self.fields})


def shown_again() -> str | None:
    """The endpoint that shows the form again which the present request sent, if there is one."""
    view = current_app.view_functions.get(request.endpoint or "")
    endpoint: str | None = getattr(view, "shown_again", None)
    return endpoint if request.method == "POST" else None


def typed_now() -> Typed | None:
    """What the present request sent; None where there is nothing to be shown again."""
    endpoint = shown_again()
    fields = tuple(
        (name, value)
        for name, value in request.form.items(multi=True)
        if name not in {"csrf_token", "kept"}
    )
    if endpoint is None or not fields or sum(len(n) + len(v) for n, v in fields) > LARGEST:
        return None
    query = request.query_string.decode("ascii", "replace")
    return Typed(with_query(url_for(endpoint, **parts_for(endpoint)), query), fields)


def parts_for(endpoint: str) -> dict[str, Any]:
    """What the present address says for the parts of another one."""
    known = next(current_app.url_map.iter_rules(endpoint)).arguments
    return {name: value for name, value in (request.view_args or {}).items() if name in known}


def page_to_come_back_to() -> str | None:
    """The page that was asked for, or the one with the button that sent the present request: that
    at the same address, or the first above it. None where there is none."""
    steps = request.path.rstrip("/").split("/")
    above = ("/".join(steps[:count]) + "/" for count in range(len(steps) - 1, 2, -1))
    pages = current_app.url_map.bind("")
    for path in (request.path, *above):
        try:
            endpoint, parts = pages.match(path, method="GET")
        except (RequestRedirect, HTTPException):
            continue
        # A verb beside ids is no id: the page of an id ends with a slash.
        if path.endswith("/") == url_for(endpoint, **parts).endswith("/"):
            query = request.query_string.decode("utf-8", "replace")
            return with_query(url_for(endpoint, **parts), query)
    return None


def typed_before() -> Typed | None:
    """What the login page carried; None where it is not as we wrote it."""
    text = request.form.get("kept", "")
    if not text or len(text) > 2 * LARGEST:
        return None
    try:
        found = read_json(text.encode())
        path, fields = found["path"], found["fields"]  # type: ignore[index]
        typed = Typed(path, tuple((name, value) for name, value in fields))
    except (Invalid, UnicodeEncodeError, KeyError, TypeError, ValueError):
        return None
    texts = [typed.path, *(part for field in typed.fields for part in field)]
    if not all(isinstance(one, str) for one in texts) or not _only_shows(typed.path):
        return None
    return typed


def _only_shows(path: str) -> bool:
    """Whether a form that is sent there is shown and not saved."""
    try:
        address = path.partition("?")[0]
        endpoint, _parts = current_app.url_map.bind("").match(address, method="POST")
    except (RequestRedirect, HTTPException):
        return False
    view = current_app.view_functions[endpoint]
    return getattr(view, "shown_again", None) == endpoint
