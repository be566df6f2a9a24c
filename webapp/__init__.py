"""Casekeeper: receives forms, keeps cases, and shows and takes back what happened.

`create_app` is the only wiring; read it top to bottom.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask

from webapp import models as models  # every table must be known before the first session
from webapp.cli import register as register_commands
from webapp.config import Settings, flask_config, settings_from
from webapp.database import init_database
from webapp.extensions import babel, csrf, limiter, login, migrate

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
    app.url_map.strict_slashes = False  # SPEC S1: also without the slash, and not by a redirect

    init_database(app)
    migrate.init_app(app, directory=str(ROOT / "webapp" / "migrations"), render_as_batch=True)
    csrf.init_app(app)
    login.init_app(app)
    limiter.init_app(app)
    babel.init_app(app)
    register_commands(app)
    return app
