"""The real application with a few more pages, to test what guards pages and answers errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask, abort, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from tests.conftest import make_app
from tests.slow import take_long
from webapp.errors import Busy, CasekeeperError, Invalid, NotFound, Refused, TooMany
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.time_limit import TimeLimit
from webapp.web.access import may, project_route, signed_in_route

ERRORS: dict[str, CasekeeperError] = {
    "gone": NotFound("There is no form with this id."),
    "invalid": Invalid("days: enter a whole number."),
    "refused": Refused("Other forms are in the way."),
    "busy": Busy("The database is busy."),
    "many": TooMany("Too often.", 77),
    "ours": CasekeeperError("It cannot be done."),
}


def make_specimen_app(data: Path, database_url: str, **settings: Any) -> Flask:
    """An application with pages of each right, and pages that fail in each way."""
    app = make_app(data, database_url, **settings)

    for right in Right:

        def page(project: Project, number: int = 0) -> ResponseReturnValue:
            allowed = [each.value for each in Right if may(each)]
            return {
                "project": project.name,
                "rights": sorted(g.rights),
                "may": sorted(allowed),
                "actor": [g.actor.user_id, g.actor.name, g.actor.source],
                "number": number,
            }

        path = f"/a/<project_name>/{right.value}/"
        app.add_url_rule(
            path, f"specimen.{right.value}", project_route(right)(page), methods=["GET", "POST"]
        )
        app.add_url_rule(
            f"{path}<int:number>", f"specimen.n_{right.value}", project_route(right)(page)
        )

    @app.get("/a/<project_name>/blocked/")
    @project_route(Right.VIEW)
    def blocked(project: Project) -> ResponseReturnValue:
        raise Refused(f"Two forms of {project.name} are in the way.", ("form-1", "form/2"))

    @app.get("/mine")
    @signed_in_route
    def mine() -> ResponseReturnValue:
        return {"actor": g.actor.name}

    @app.get("/fail/<way>")
    def fail(way: str) -> ResponseReturnValue:
        if way in ERRORS:
            raise ERRORS[way]
        if way == "sentence":
            abort(409, "Somebody else was faster.")
        if way == "slow":
            TimeLimit(db.session(), 0.05, "").renew()
            take_long(db.session())
        if way == "big":
            db.session.execute(text("SELECT CAST(:n AS integer)"), {"n": 2**40})
        if way == "lost":
            connection = db.session.connection()
            connection.invalidate()
            connection.execute(text("SELECT 1"))
        if way == "half":
            "\ud800".encode()
        if way == "code":
            raise ZeroDivisionError("the inside, which nobody is to see")
        abort(int(way))

    @app.get("/address")
    def seen() -> ResponseReturnValue:
        return {"address": request.remote_addr, "scheme": request.scheme, "host": request.host}

    return app
