"""The form that imports workers or groups."""

from __future__ import annotations

import json
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import FileField, HiddenField, TextAreaField

from webapp.errors import Invalid
from webapp.exchange.sheets import Table, read_file
from webapp.strict_json import read_json
from webapp.web.forms.upload import content_of

#: So large a file may be, and so much text may be in it: all of it goes to the browser and back.
LARGEST, LARGEST_TEXT = 2_000_000, 5_000_000


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
        raw = content_of(self.file, LARGEST)
        found = read_file(raw, most_rows=most_rows, largest=LARGEST)
        rows = [(number, _short(cells)) for number, cells in found.rows]
        text = json.dumps([found.head, rows], ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > LARGEST_TEXT:
            raise Invalid(str(_("There is too much text in this file. Take several files.")))
        self.table.data = text
        return found

    def read_again(self, most_rows: int) -> Table:
        """The table that was looked at. Raises `Invalid` for what this form did not send."""
        text = self.table.data or ""
        wrong = Invalid(str(_("This is no table that was looked at. Choose the file again.")))
        try:
            found: Any = read_json(text.encode())
            head, rows = found
            table = Table(
                list(head),
                [
                    (int(number), [*cells, *[""] * (len(head) - len(cells))])
                    for number, cells in rows
                ],
            )
        except (Invalid, UnicodeEncodeError, TypeError, ValueError) as error:
            raise wrong from error
        cells = [*table.head, *(cell for _line, row in table.rows for cell in row)]
        if not all(isinstance(cell, str) for cell in cells) or len(table.rows) > most_rows:
            raise wrong
        if any(len(row) != len(table.head) for _line, row in table.rows):
            raise wrong
        return table


def _short(cells: list[str]) -> list[str]:
    """The cells of a row up to the last that is not empty."""
    return cells[: max((place for place, cell in enumerate(cells, 1) if cell), default=0)]
