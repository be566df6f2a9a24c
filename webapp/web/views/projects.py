"""Which project? The start page."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template
from flask.typing import ResponseReturnValue

from webapp.extensions import db
from webapp.people.accounts import memberships_of
from webapp.web.access import signed_in_route, signed_in_user
from webapp.web.shell import home_of

projects = Blueprint("projects", __name__)


@projects.get("/")
@signed_in_route
def index() -> ResponseReturnValue:
    """The projects of the person; straight into it if there is one."""
    user = signed_in_user()
    assert user is not None  # signed_in_route saw to it
    members = memberships_of(db.session(), user.web_user_id)
    if len(members) == 1:
        return redirect(home_of(members[0].project), 303)
    listed = [
        {
            "title": member.project.title,
            "name": member.project.name,
            "url": home_of(member.project),
            "role": member.role.capitalize(),
        }
        for member in members
    ]
    return render_template("projects/index.html", projects=listed)
