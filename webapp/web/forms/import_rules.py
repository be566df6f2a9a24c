"""A file with rules."""

from __future__ import annotations

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import FileField

from webapp.errors import Invalid
from webapp.rules.import_rules import rules_in
from webapp.rules.portable import RuleData
from webapp.strict_json import read_json
from webapp.web.forms.upload import content_of

#: Of a file, in bytes, and the rules in it.
LARGEST, MOST = 5_000_000, 1000


class ImportForm(FlaskForm):
    """The file."""

    file = FileField(
        _("File"),
        description=_("JSON, as “Export” makes it: one rule, or a list of them. At most 5 MB."),
    )

    def read(self) -> list[RuleData]:
        """The rules in it. Raises `Invalid`, `InvalidFile`."""
        raw = content_of(self.file, LARGEST)
        if not raw:
            raise Invalid(gettext("Choose a file that is not empty."))
        if len(raw) > LARGEST:
            raise Invalid(gettext("The file is larger than 5 MB."))
        sent = read_json(raw)
        if isinstance(sent, list) and len(sent) > MOST:
            raise Invalid(gettext("The file has more than 1,000 rules."))
        return rules_in(sent)
