"""The form that imports workers or groups."""

from __future__ import annotations

import json
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import FileField, HiddenField, TextAreaField

from webapp.errors import Invalid
from webapp.exchange.sheets import LARGEST, Table, read_file
from webapp.strict_json import read_json


class PeopleImportForm(FlaskForm):
    """A file with a table; `table` is what was in it, and `plan` a mark of what it would do, when
    somebody has seen that. It goes to the browser and back, and is kept nowhere: it may have
    passwords in it."""

    file = FileField(
        _("File"), description=_("CSV in UTF-8, or XLSX, of which the first sheet counts.")
    )
    table = TextAreaField(default="")
    plan = HiddenField(default="")

    def read(self, most_rows: int) -> Table:
        """The table of the file. Raises `Invalid`."""
        raw = self.file.data.read(LARGEST + 1) if self.file.data else b""
        found = read_file(raw, most_rows=most_rows)
        self.table.data = json.dumps([found.head, found.rows], ensure_ascii=False)
        return found

    def read_again(self, most_rows: int) -> Table:
        """The table that was looked at. Raises `Invalid` for what this form did not send."""
        text = self.table.data or ""
        wrong = Invalid(str(_("This is no table that was looked at. Choose the file again.")))
        try:
            found: Any = read_json(text.encode())
            head, rows = found
            table = Table(list(head), [(int(number), list(cells)) for number, cells in rows])
        except (Invalid, UnicodeEncodeError, TypeError, ValueError) as error:
            raise wrong from error
        cells = [*table.head, *(cell for _line, row in table.rows for cell in row)]
        if not all(isinstance(cell, str) for cell in cells) or len(table.rows) > most_rows:
            raise wrong
        if any(len(row) != len(table.head) for _line, row in table.rows):
            raise wrong
        return table
