"""The door at which phones fetch what they are to have (SPEC P1, P5, P6)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO, cast

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.api.auth import Caller, CallerKind, Challenge, authenticated
from webapp.api.openrosa import message, say_the_version
from webapp.audit.actor import Actor
from webapp.errors import Invalid, NotFound
from webapp.extensions import db
from webapp.people.accounts import split_worker_name
from webapp.people.models import MobileWorker
from webapp.projects.rights import Right
from webapp.sharing.restore import Asked, restore
from webapp.sharing.sync import StartAfresh

phone_restore = Blueprint("phone_restore", __name__)

#: What a phone shows when the worker is deactivated: a text of its app, or this one.
DEACTIVATED = {
    "error": "user.deactivated",
    "default_response": "This account is deactivated. Please contact your supervisor.",
}
#: What is sent at a time, in bytes.
_CHUNK = 65_536
#: Fast, and the document is a fifth to a tenth then.
_LEVEL = 4


@phone_restore.get("/a/<project_name>/phone/restore/")
@phone_restore.get("/a/<project_name>/phone/restore/<app_id>/")
def send_restore(project_name: str, **_app: str) -> Response:
    """Send a worker's cases, or what has changed of them since; the application does not matter.

    With HTTP Basic as a mobile worker; or as a web user with *Edit data*, who may also send forms
    in any worker's name, and says with `as` which worker's. Answers 401 with a challenge, 403, 404,
    406 (JSON), 412, 429 or 503.
    """
    session = db.session()
    if not request.headers.get("Authorization", "").strip().lower().startswith("basic "):
        raise Challenge("Send the name and password of a mobile worker, by HTTP Basic.")
    caller = authenticated(session, project_name, deactivated_too=True)
    worker = None if caller.deactivated else _worker(session, project_name, caller)
    if worker is None:
        answer = jsonify(DEACTIVATED)
        answer.status_code = 406
        return answer
    if request.method == "HEAD":  # nobody reads what would be written
        return Response(content_type="text/xml; charset=utf-8")
    asked = Asked(
        since=request.args.get("since", ""),
        state=request.args.get("state", ""),
        items=request.args.get("items") == "true",
        by=None if caller.worker else _actor(caller),
    )
    document = TemporaryFile()  # noqa: SIM115  closed when it has been sent
    try:
        response = _written(session, project_name, worker, asked, document)
    except BaseException:
        document.close()
        raise
    response.call_on_close(document.close)
    return response


send_restore.needs = Right.EDIT_DATA  # type: ignore[attr-defined]  # read by the test of all routes
send_restore.machine = True  # type: ignore[attr-defined]  # no session cookie, no redirect
phone_restore.after_request(say_the_version)


def restore_error(status: int, sentence: str) -> Response:
    """How a phone hears of an error."""
    return message("ota_restore_error", sentence, status)


@phone_restore.errorhandler(StartAfresh)
def start_afresh(error: StartAfresh) -> Response:
    """412: the phone forgets its cases and asks again without `since`."""
    return restore_error(412, error.message)


def _written(
    session: Session, project_name: str, worker: int, asked: Asked, document: IO[bytes]
) -> Response:
    zipped = request.accept_encodings.quality("gzip") > 0
    if zipped:
        with gzip.GzipFile(fileobj=document, mode="wb", compresslevel=_LEVEL, mtime=0) as out:
            restore(session, project_name, worker, asked, cast(IO[bytes], out))
    else:
        restore(session, project_name, worker, asked, document)
    length = document.tell()
    document.seek(0)
    response = Response(
        _pieces(document), content_type="text/xml; charset=utf-8", direct_passthrough=True
    )
    response.content_length = length
    response.vary.add("Accept-Encoding")
    if zipped:
        response.content_encoding = "gzip"
    return response


def _pieces(document: IO[bytes]) -> Iterator[bytes]:
    with document:
        while piece := document.read(_CHUNK):
            yield piece


def _actor(caller: Caller) -> Actor:
    return Actor(caller.user_id, caller.username, request.remote_addr or "")


def _worker(session: Session, project_name: str, caller: Caller) -> int | None:
    """Whose phone it is: the key of an active worker, or None when they are deactivated."""
    name = request.args.get("as", "")
    if caller.kind is CallerKind.WORKER and not name:
        return caller.worker
    username, of_project = split_worker_name(name, project_name)
    if caller.kind is CallerKind.WORKER and username == caller.username:
        return caller.worker
    caller.needs(Right.EDIT_DATA)
    if not name:
        raise Invalid("A web user has no phone: say with “as” which mobile worker's is meant.")
    row = session.execute(
        select(MobileWorker.id, MobileWorker.active).where(
            MobileWorker.project_id == caller.project_id, MobileWorker.username == username
        )
    ).one_or_none()
    if row is None or of_project != project_name:
        raise NotFound("This project has no mobile worker of that name.")
    return row.id if row.active else None
