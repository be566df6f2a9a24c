"""Errors as answers: a page for people, and each machine's own format (SPEC X5).

Nothing about the inside is shown: a sentence that we wrote, or the general one of the status.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from flask import (
    Flask,
    Response,
    current_app,
    flash,
    g,
    jsonify,
    make_response,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError, generate_csrf
from sqlalchemy.exc import DataError, DBAPIError, PendingRollbackError
from werkzeug.exceptions import HTTPException, UnprocessableEntity, default_exceptions

from webapp.database_faults import FULL, is_busy, is_full
from webapp.errors import (
    Busy,
    CasekeeperError,
    Invalid,
    NotAllowed,
    NotFound,
    Refused,
    TooMany,
)
from webapp.extensions import db
from webapp.time_limit import was_too_slow
from webapp.web.access import signed_in_user, to_sign_in
from webapp.web.htmx import is_fragment_request, trigger
from webapp.web.typed import parts_for, shown_again

#: A blueprint's own way to say an error: from status and sentence to an answer.
Format = Callable[[int, str], Response]

#: Ask again after so many seconds.
RETRY_AFTER = 5

#: Where no view is found there is no blueprint either, and curl accepts everything.
_OF_AN_API = re.compile(r"/a/[^/]+/api/|/api/")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """What to say about an error. Without a `message` the status's own text is shown."""

    status: int
    message: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    in_the_way: tuple[str, ...] = ()


def init_errors(app: Flask, machine_formats: Mapping[str, Format]) -> None:
    """Bind the handlers to the app. `machine_formats`: by blueprint name, how machines hear of
    errors; whoever accepts no HTML gets JSON."""
    app.extensions["machine_formats"] = dict(machine_formats)
    app.register_error_handler(CSRFError, _on_csrf)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(CasekeeperError, _on_ours)
    app.register_error_handler(DBAPIError, _on_database)
    app.register_error_handler(PendingRollbackError, _on_lost_connection)
    app.register_error_handler(OSError, _on_system)
    app.register_error_handler(UnicodeEncodeError, _on_unicode)


def _on_csrf(_error: CSRFError) -> ResponseReturnValue:
    # The commonest cause is a session that ended while the page was open: then the person is asked
    # to sign in, as on any other page. Once they have, in another tab, the page's token is no
    # longer theirs: htmx gets the new one and asks again; a form is shown again, and not saved.
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "needs", None) is None:
        return _answer(Problem(400))
    if signed_in_user() is None:
        return to_sign_in()
    if is_fragment_request(request):
        return trigger(Response(status=400), "token", generate_csrf())
    again = shown_again()
    nothing = not request.form.keys() - {"csrf_token"}
    if again is None or nothing or getattr(view, "only_by_token", False):
        return _answer(Problem(400))
    if again != request.endpoint:
        sentence = _("Nothing was saved, because you signed in again in between. Press Save again.")
        flash(sentence)
    try:
        answer = make_response(current_app.view_functions[again](**parts_for(again)))
    except CasekeeperError as error:
        return _on_ours(error)
    if answer.status_code == 200:
        answer.status_code = 400
    return answer


def _on_http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or (error.code or 500) < 400:
        return error  # a redirect, or an answer that somebody made
    status = error.code or 500
    usual = default_exceptions.get(status)
    ours = error.description if usual and error.description != usual.description else None
    headers = {k: v for k, v in error.get_headers() if k.lower() != "content-type"}
    return _answer(Problem(status, ours, headers))


def _on_ours(error: CasekeeperError) -> ResponseReturnValue:
    if isinstance(error, NotFound):
        return _answer(Problem(404, error.message or None))
    if isinstance(error, NotAllowed):
        return _answer(Problem(403, error.message))
    if isinstance(error, Refused):
        return _answer(Problem(409, error.message, in_the_way=error.in_the_way))
    if isinstance(error, TooMany):
        return _answer(Problem(429, error.message, {"Retry-After": str(error.retry_after)}))
    if isinstance(error, Busy):
        return _answer(Problem(503, error.message, {"Retry-After": str(RETRY_AFTER)}))
    unreadable = 400 if _format() is not None else 422
    return _answer(Problem(unreadable if isinstance(error, Invalid) else 400, error.message))


def _on_lost_connection(error: PendingRollbackError) -> ResponseReturnValue:
    db.session.rollback()
    if is_busy(error):
        return _answer(Problem(503, None, {"Retry-After": str(RETRY_AFTER)}))
    raise error


def _on_database(error: DBAPIError) -> ResponseReturnValue:
    db.session.rollback()
    retry = {"Retry-After": str(RETRY_AFTER)}
    if was_too_slow(error):
        slow = _("The database took too long for this. Try with less: a shorter time, one user.")
        return _answer(Problem(503, slow, retry))
    if is_busy(error):
        _log.warning("the database is busy or away: %s", type(error.orig).__name__)
        return _answer(Problem(503, None, retry))
    if isinstance(error, DataError):
        return _answer(Problem(400))  # a value that no column can hold
    raise error


def _on_system(error: OSError) -> ResponseReturnValue:
    if not is_full(error):
        raise error
    db.session.rollback()
    _log.error("there is no room left: %s", error)
    return _answer(Problem(503, FULL, {"Retry-After": str(RETRY_AFTER)}))


def _on_unicode(error: UnicodeEncodeError) -> ResponseReturnValue:
    if "surrogates" not in error.reason:
        raise error
    return _answer(Problem(400, _("The request has half a character in it.")))


def _format() -> Format | None:
    """How the machine that asks hears of errors; None for people."""
    formats: dict[str, Format] = current_app.extensions["machine_formats"]
    for blueprint in request.blueprints:
        if blueprint in formats:
            return formats[blueprint]
    if request.url_rule is None and _OF_AN_API.match(request.path):
        return _as_json  # an address, or a method, that the APIs do not have
    accepted = request.accept_mimetypes
    return _as_json if accepted and not accepted.accept_html else None


def _as_json(status: int, message: str) -> Response:
    answer: Response = jsonify(error=message)
    answer.status_code = status
    return answer


def _answer(problem: Problem) -> Response:
    write = _format()
    if write is not None:
        answer = write(problem.status, problem.message or _sentence(problem.status))
        answer.status_code = problem.status
    else:
        answer = make_response(_page(problem), problem.status)
    answer.headers.update(problem.headers)
    return answer


def _sentence(status: int) -> str:
    if status == 500:
        return "Something went wrong on our side. What was being saved was taken back as a whole."
    usual = default_exceptions.get(status, UnprocessableEntity).description
    return str(usual or HTTPStatus(status).phrase)


def _page(problem: Problem) -> str:
    """The error inside the project where that is possible, else bare: what shows the menus may be
    the very thing that is broken."""
    context = {
        "code": problem.status,
        "message": problem.message,
        "in_the_way": [(_("Form %(id)s", id=form), _form_url(form)) for form in problem.in_the_way],
        "project": g.get("project"),
    }
    if problem.status < 500:
        try:
            if signed_in_user() is not None:
                return render_template("errors/error.html", **context)
        except DBAPIError:
            db.session.rollback()
    return render_template("errors/error.html", **(context | {"shell": None, "project": None}))


def _form_url(submission_id: str) -> str:
    return current_app.url_for("submissions.show", submission_id=submission_id)
