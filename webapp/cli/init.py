"""`flask --app webapp init`."""

from __future__ import annotations

import click
from flask.cli import ScriptInfo, pass_script_info, with_appcontext

from webapp.cli.command import answers_anywhere, json_option, show
from webapp.config import Settings, keep_secret
from webapp.database_upgrade import upgrade_database
from webapp.embedded.data_folder import prepare
from webapp.extensions import db


@click.command("init")
@json_option
@pass_script_info
@with_appcontext
@answers_anywhere
def init(info: ScriptInfo, as_json: bool) -> None:
    """Create the database, or upgrade it to this version.

    Makes the data folder too. Safe to repeat: an up-to-date database is left alone.
    """
    app = info.load_app()
    settings: Settings = app.extensions["settings"]
    makes_folder = not settings.data.is_dir()
    prepare(settings.data)  # cases and password hashes are for nobody else to read
    keep_secret(settings)
    url = db.engine.url
    database = url.render_as_string(hide_password=True)
    upgraded = upgrade_database(app)
    lines = [
        f"The data folder {settings.data.resolve()} {'was made' if makes_folder else 'is there'}.",
        f"The database {database} {'was brought up to date' if upgraded else 'is up to date'}.",
    ]
    document = {
        "data": str(settings.data.resolve()),
        "data_made": makes_folder,
        "database": database,
        "upgraded": upgraded,
    }
    show(document, lines, as_json=as_json)
