"""The lists that can be exported."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import gettext as _

from webapp.exchange.case_list import CaseList
from webapp.exchange.form_list import FormList
from webapp.exchange.listing import Listing


class Of(StrEnum):
    """What can be exported."""

    FORMS = "forms"
    CASES = "cases"

    @property
    def listing(self) -> type[Listing]:
        """How it is read."""
        return _LISTINGS[self]

    @property
    def label(self) -> str:
        """In words, as part of a sentence."""
        return str({Of.FORMS: _("forms"), Of.CASES: _("cases")}[self])


_LISTINGS: dict[Of, type[Listing]] = {Of.FORMS: FormList, Of.CASES: CaseList}
