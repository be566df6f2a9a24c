"""Casekeeper: receives forms, keeps cases, and shows and takes back what happened.

`create_app` is the only wiring; read it top to bottom.
"""

from __future__ import annotations

import gc

# What is loaded below stays: to look for garbage in it, again and again, is a fifth of the start.
_collecting = gc.isenabled()
gc.disable()

# Before anything imports SQLite.
from webapp.sqlite_memory import keep_no_books

keep_no_books()

from collections.abc import Callable
from pathlib import Path

from flask import Flask

from webapp import models as models  # every table must be known before the first session
from webapp.api.arriving import init_arriving
from webapp.api.bulk_action import bulk_action
from webapp.api.openrosa import message as openrosa_message
from webapp.api.openrosa import openrosa
from webapp.api.restore import phone_restore, restore_error
from webapp.api.routes import ReadableJson, json_error
from webapp.api.rules_v1 import rules_v1
from webapp.api.runs_v1 import runs_v1
from webapp.cli import register as register_commands
from webapp.config import Settings, flask_config, settings_from
from webapp.database import init_database
from webapp.exchange.exports import ExportList, tidy_exports
from webapp.extensions import babel, csrf, limiter
from webapp.history.bulk_jobs import ArchiveForms, RestoreForms
from webapp.history.selections import tidy_selections
from webapp.jobs.kind import Kind
from webapp.jobs.kinds import init_jobs
from webapp.jobs.reprocess import ReprocessForms
from webapp.jobs.task import Task
from webapp.mail.tidy import tidy_letters
from webapp.people.passwords import init_passwords
from webapp.rules.held import tidy_held
from webapp.rules.nights import open_nights
from webapp.rules.obsolete import drop_obsolete_plans
from webapp.rules.undo_work import RedoRun, UndoRun
from webapp.rules.work import RunRule
from webapp.sharing.reassign_work import ReassignCases
from webapp.sharing.synclog import tidy_sync_logs
from webapp.web.access import init_access
from webapp.web.compression import init_compression
from webapp.web.errors import Format, init_errors
from webapp.web.formatting import init_formatting
from webapp.web.health import health
from webapp.web.htmx import init_htmx
from webapp.web.ids import init_ids
from webapp.web.security import init_security
from webapp.web.sessions import init_sessions
from webapp.web.shell import init_shell
from webapp.web.views.audit import audit as audit_screen  # `webapp.audit` stays the room
from webapp.web.views.case_property import cases as cases_screen
from webapp.web.views.dictionary_screen import dictionary as dictionary_screen
from webapp.web.views.exports import exports
from webapp.web.views.home import home
from webapp.web.views.hq_links import hq_links
from webapp.web.views.jobs import jobs as jobs_screen  # `webapp.jobs` stays the room
from webapp.web.views.login import login
from webapp.web.views.people_screen import people as people_screen  # `webapp.people` is the room
from webapp.web.views.projects import projects
from webapp.web.views.reassign import reassign
from webapp.web.views.rule_screens import rules as rules_screen  # `webapp.rules` stays the room
from webapp.web.views.rule_screens import runs as runs_screen
from webapp.web.views.selections import submissions as submissions_screen  # all its views
from webapp.web.views.settings import settings as settings_screen
from webapp.web.views.sharing import sharing as sharing_screen  # `webapp.sharing` is the room

gc.freeze()  # nor need any later collection, or a process that is forked, ever touch it
if _collecting:
    gc.enable()

ROOT = Path(__file__).resolve().parent.parent


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application. `settings` default to the environment's (`webapp.config`).

    Raises `BadSetting` when it must not start as configured (SPEC L2).
    """
    settings = settings_from() if settings is None else settings
    app = Flask(
        __name__,
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    app.config.from_mapping(flask_config(settings))
    app.extensions["settings"] = settings
    app.json = ReadableJson(app)
    app.url_map.strict_slashes = False  # SPEC S1: also without the slash, and not by a redirect

    init_database(app)
    limiter.init_app(app)
    babel.init_app(app)
    init_compression(app)
    init_passwords(app)
    init_security(app)
    csrf.init_app(app)
    init_sessions(app)
    init_access(app)
    init_errors(app, MACHINE_FORMATS)
    init_formatting(app)
    init_htmx(app)
    init_shell(app)
    init_ids(app)
    init_arriving(app)
    init_jobs(app, TASKS, DUTIES)
    register_pages(app)
    register_machines(app)
    register_commands(app)
    return app


#: Which task does the jobs of a kind.
TASKS: dict[Kind, Callable[[], Task]] = {
    Kind.REPROCESS: ReprocessForms,
    Kind.RUN: RunRule,
    Kind.UNDO_RUN: UndoRun,
    Kind.REDO_RUN: RedoRun,
    Kind.ARCHIVE_FORMS: ArchiveForms,
    Kind.RESTORE_FORMS: RestoreForms,
    Kind.REASSIGN_CASES: ReassignCases,
    Kind.EXPORT: ExportList,
}

#: What each tick has done: nights that have come are opened, held runs expire, plans and selections
#: that nobody will use are dropped, letters sent and files exported long ago, and sync logs of old
#: phones.
DUTIES = (
    open_nights,
    tidy_held,
    drop_obsolete_plans,
    tidy_selections,
    tidy_letters,
    tidy_exports,
    tidy_sync_logs,
)

#: By blueprint: how machines hear of errors. All others get a page.
MACHINE_FORMATS: dict[str, Format] = {
    openrosa.name: lambda status, sentence: openrosa_message(
        "processing_failure", sentence, status
    ),
    phone_restore.name: restore_error,
    rules_v1.name: json_error,
    runs_v1.name: json_error,
    bulk_action.name: json_error,
}


def register_pages(app: Flask) -> None:
    """The screens, for people."""
    for screen in (login, projects, home, rules_screen, runs_screen):
        app.register_blueprint(screen)
    for screen in (submissions_screen, cases_screen, dictionary_screen, jobs_screen, hq_links):
        app.register_blueprint(screen)
    for screen in (people_screen, sharing_screen, reassign, exports, audit_screen, settings_screen):
        app.register_blueprint(screen)


def register_machines(app: Flask) -> None:
    """What is no page: no session, and so nothing that CSRF could use."""
    for door in (openrosa, phone_restore, rules_v1, runs_v1, bulk_action, health):
        csrf.exempt(door)
        app.register_blueprint(door)
