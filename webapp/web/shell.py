"""The menus around a page: who is signed in, which screens there are (templates/base.html)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Flask, current_app, g, url_for
from flask_babel import lazy_gettext

from webapp.extensions import db
from webapp.people.accounts import Member, memberships_of
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.web.access import signed_in_user

#: The project menu lists no more projects than these; then there is the page with all.
LISTED = 12


@dataclass(frozen=True)
class Screen:
    """An item of the side navigation. `also` is the name by which some know it from elsewhere."""

    key: str
    label: Any
    icon: str
    endpoint: str
    right: Right = Right.VIEW
    also: Any = ""


#: In the order of the side navigation: groups with their heading.
SCREENS: tuple[tuple[Any, tuple[Screen, ...]], ...] = (
    (
        "",
        (
            Screen("home", lazy_gettext("Home"), "house", "home.index"),
            Screen("rules", lazy_gettext("Automatic updates"), "arrow-repeat", "rules.index"),
            Screen("runs", lazy_gettext("Runs"), "play-circle", "runs.index"),
        ),
    ),
    (
        lazy_gettext("People and data"),
        (
            Screen("people", lazy_gettext("People"), "people", "people.workers"),
            Screen(
                "submissions",
                lazy_gettext("Submit history"),
                "inbox",
                "submissions.index",
                also=lazy_gettext("Manage forms"),
            ),
            Screen("cases", lazy_gettext("Cases"), "folder", "cases.index"),
            Screen(
                "dictionary", lazy_gettext("Data dictionary"), "journal-text", "dictionary.index"
            ),
            Screen("jobs", lazy_gettext("Jobs"), "list-task", "jobs.index"),
        ),
    ),
    (
        lazy_gettext("Project"),
        (
            Screen(
                "audit",
                lazy_gettext("Audit log"),
                "shield-check",
                "audit.index",
                right=Right.ADMIN,
            ),
            Screen(
                "settings",
                lazy_gettext("Settings"),
                "gear",
                "settings.index",
                right=Right.ADMIN,
            ),
        ),
    ),
)


class Shell:
    """What base.html asks for. Worked out when asked, so that a page without menus, and an answer
    without a page, cost nothing."""

    @cached_property
    def start_url(self) -> str:
        """The start page."""
        return url_for("projects.index")

    @cached_property
    def home_url(self) -> str:
        """The present project's home."""
        project: Project | None = g.get("project")
        return self.start_url if project is None else home_of(project)

    @cached_property
    def account(self) -> dict[str, Any] | None:
        """Who is signed in."""
        user = signed_in_user()
        if user is None:
            return None
        return {"name": user.email, "sign_out_url": url_for("login.sign_out"), "links": []}

    @cached_property
    def _members(self) -> list[Member]:
        user = signed_in_user()
        return [] if user is None else memberships_of(db.session(), user.web_user_id)

    @cached_property
    def projects(self) -> list[dict[str, Any]]:
        """For the project menu. One query."""
        present: Project | None = g.get("project")
        return [
            {
                "title": member.project.title,
                "url": home_of(member.project),
                "current": present is not None and member.project.name == present.name,
            }
            for member in self._members[:LISTED]
        ]

    @cached_property
    def projects_url(self) -> str | None:
        """The page of all projects, where there is more than one."""
        return self.start_url if len(self._members) > 1 else None

    @cached_property
    def groups(self) -> list[dict[str, Any]]:
        """The screens of the present project that the person may see."""
        rights = g.get("rights", frozenset())
        shown = []
        for label, screens in SCREENS:
            items = [
                {
                    "key": screen.key,
                    "label": screen.label,
                    "also": screen.also,
                    "icon": screen.icon,
                    "url": url_for(screen.endpoint),
                }
                for screen in screens
                if screen.right in rights and screen.endpoint in current_app.view_functions
            ]
            if items:
                shown.append({"label": label, "items": items})
        return shown


def home_of(project: Project) -> str:
    """The address of a project's home."""
    return f"{url_for('projects.index')}a/{project.name}/"


def init_shell(app: Flask) -> None:
    """Give every template its `shell`."""
    app.context_processor(lambda: {"shell": Shell()})
