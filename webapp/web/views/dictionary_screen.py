"""The screen of the data dictionary with all its routes, which stand in several files."""

from __future__ import annotations

from webapp.web.views import dictionary_edit, dictionary_file
from webapp.web.views.dictionary import dictionary

__all__ = ["dictionary", "dictionary_edit", "dictionary_file"]
