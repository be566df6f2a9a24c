"""`flask --app webapp db …`: Flask-Migrate's own commands, for whoever changes a table."""

from __future__ import annotations

from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate.cli import db as of_flask_migrate

from webapp.database_upgrade import init_migrations


@click.group("db", commands=of_flask_migrate.commands, params=of_flask_migrate.params)
@with_appcontext
@click.pass_context
def schema(ctx: click.Context, /, **options: Any) -> None:
    """Make and look at migrations of the database's schema."""
    init_migrations(current_app)
    assert of_flask_migrate.callback is not None
    ctx.invoke(of_flask_migrate.callback, **options)
