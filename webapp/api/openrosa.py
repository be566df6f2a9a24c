"""The receiver: forms from apps over HTTP, as OpenRosa has it (SPEC S1–S5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from io import BytesIO
from typing import IO
from xml.sax.saxutils import escape

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.api import multipart
from webapp.api.arriving import KNOWN_S, arriving
from webapp.api.auth import may_submit
from webapp.api.multipart import Part
from webapp.config import Settings
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.sharing.tokens import key_of
from webapp.submissions.attachments import Kept, keep
from webapp.submissions.receive import Arrival, Incoming, Outcome, Received, Sender, read, receive

openrosa = Blueprint("openrosa", __name__)

#: The multipart part that holds the form; all others are attachments.
FORM_PART = "xml_submission_file"

#: The header in which a phone says what it had received last (SPEC P4).
SYNCED = "X-CommCareHQ-LastSyncToken"

#: Apps and tools send to any of these (SPEC S4).
PATHS = (
    "/a/<project_name>/receiver/",
    "/a/<project_name>/receiver/<app_id>/",
    "/a/<project_name>/receiver/secure/",
    "/a/<project_name>/receiver/secure/<app_id>/",
    "/a/<project_name>/receiver/api/",
    "/a/<project_name>/receiver/submission/",
)


@may_submit
def receiver(project_id: int, sender: Sender, app_id: str = "") -> Response:
    """Answer a HEAD, or store the form in the body and say what became of it."""
    if request.method == "HEAD":
        response = Response(status=204)
        response.headers["Location"] = request.base_url
        return response
    settings: Settings = current_app.extensions["settings"]
    db.session.rollback()  # nothing is open while a slow phone sends it
    incoming, attachments = _body(settings)
    token = key_of(request.headers.get(SYNCED, ""))
    arrival = Arrival(incoming, sender, app_id=app_id, attachments=attachments, sync_log=token)
    with write_transaction() as session:
        received = receive(session, project_id, arrival, last=True)
    response = _answer(received)
    # OpenRosa has no word for a duplicate; tools that count want to know.
    response.headers["X-Casekeeper-Outcome"] = received.outcome.value
    return response


for path in PATHS:
    openrosa.add_url_rule(path, view_func=receiver, methods=["POST", "HEAD"])


@openrosa.after_request
def say_the_version(response: Response) -> Response:
    """Every answer, also a refusal, names the version, as OpenRosa asks."""
    asked = request.headers.get("X-OpenRosa-Version", "")
    response.headers["X-OpenRosa-Version"] = asked if asked in {"1.0", "2.0", "3.0"} else "1.0"
    return response


@openrosa.after_request
def let_it_come(response: Response) -> Response:
    """A refusal is said when all of the body came: else no phone that still sends it hears it.
    What is refused by now was looked at before, and nothing of the body is."""
    if response.status_code >= HTTPStatus.BAD_REQUEST and request.method == "POST":
        db.session.rollback()  # nothing is open while it comes
        arriving().let_it_come_from_strangers()
    return response


def message(nature: str, text: str, status: int) -> Response:
    """An `OpenRosaResponse` document."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<OpenRosaResponse xmlns="http://openrosa.org/http/response">'
        f'<message nature="{nature}">{escape(text)}</message></OpenRosaResponse>'
    )
    return Response(body, status, content_type="text/xml; charset=utf-8")


def _answer(received: Received) -> Response:
    """The table of SPEC S4."""
    problem = received.problem or ""
    if received.outcome is Outcome.UNPARSED:
        return message("processing_failure", problem, 422)
    if received.outcome is Outcome.ERROR:
        if request.headers.get("X-OpenRosa-Version") == "3.0":
            return message("processing_failure", problem, 422)
        return message("submit_error", problem, 201)  # phones take it as delivered
    return message("submit_success", "   √   ", 201)


def _body(settings: Settings) -> tuple[Incoming, list[Kept]]:
    """The form, and its attachments already in the store.

    A multipart body that cannot be taken apart is itself what came instead of a form.
    """
    boundary = request.mimetype_params.get("boundary")
    if request.mimetype != "multipart/form-data" or not boundary:
        # Whatever the content type says: curl sends forms as application/x-www-form-urlencoded.
        xml = BytesIO()
        _receive(xml, settings.max_xml, _too_large("form", settings.max_xml, "CASEKEEPER_MAX_XML"))
        return read(xml.getvalue()), []
    with multipart.temporary() as body:
        limit = settings.max_request
        too_large = _too_large("form with its attachments", limit, "CASEKEEPER_MAX_REQUEST")
        _receive(body, limit, too_large)
        body.seek(0)
        try:
            with multipart.opened(body, boundary) as parts:
                return _form_and_files(parts, settings)
        except multipart.NotMultipart as error:
            body.seek(0)
            return _read(body, settings, if_none=str(error)), []


def _form_and_files(parts: Sequence[Part], settings: Settings) -> tuple[Incoming, list[Kept]]:
    form = next((part for part in parts if part.field == FORM_PART), None)
    if form is not None:
        incoming = _read(form.stream, settings)
    else:
        missing = f"The form is missing: there is no part “{FORM_PART}”."
        incoming = replace(read(b""), problem=missing)
    kept = [
        keep(
            settings.attachments,
            part.stream,
            name=part.filename or part.field,
            content_type=part.content_type or "application/octet-stream",
        )
        for part in parts
        if part is not form
    ]
    return incoming, kept


def _read(stream: IO[bytes], settings: Settings, *, if_none: str = "") -> Incoming:
    """What stands there; `if_none` says why it is no form, where it is none."""
    xml = stream.read(settings.max_xml + 1)
    if len(xml) > settings.max_xml:
        raise _too_large("form", settings.max_xml, "CASEKEEPER_MAX_XML")
    incoming = read(xml)
    if incoming.form is None and if_none:
        return replace(incoming, problem=if_none)
    return incoming


def _receive(file: IO[bytes], limit: int, too_large: RequestEntityTooLarge) -> None:
    try:
        arriving().copy_to(file, limit, too_large)
    except RequestEntityTooLarge:
        arriving().let_it_come(KNOWN_S)
        raise


def _too_large(what: str, limit: int, setting: str) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(
        f"The {what} is larger than the {limit:,} bytes that are accepted ({setting})."
    )
