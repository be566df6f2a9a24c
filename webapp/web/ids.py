"""Public ids in addresses: `<public_id:…>` for submissions and cases, `<any_name:…>` for files.

Ids may hold `/`, `%`, `?`, `#` or be dots only (SPEC S3), but a server decodes an address once
before it is matched, and browsers take dots for steps in the tree. So these few characters are
encoded twice: what is matched then is one segment without a slash, whatever the id, and the verb
behind it (`…/archive`) cannot be taken for a part of it. Ordinary ids read as they are.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from flask import Flask
from werkzeug.routing import BaseConverter, ValidationError

from webapp.submissions.blocks import valid_id

_TWICE = re.compile(r"[/%?#\\]")
_DOTS = re.compile(r"\.+")
#: Stands for the empty name: no other one is encoded so.
_EMPTY = "%"


class AnyName(BaseConverter):
    """Any text of at most 255 characters but NUL, as one segment of an address."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """The text; an address that cannot be one leads nowhere (404)."""
        if value == _EMPTY:
            return ""
        try:
            text = unquote_to_bytes(value).decode()
        except UnicodeError as error:
            raise ValidationError from error
        if not self.is_known(text):
            raise ValidationError
        return text

    def to_url(self, value: str) -> str:
        """The segment of an address, encoded."""
        return super().to_url(_encode_once(value) or _EMPTY)

    @staticmethod
    def is_known(text: str) -> bool:
        """Whether there can be such a one."""
        return len(text) <= 255 and "\0" not in text


class PublicId(AnyName):
    """The id of a submission or a case."""

    @staticmethod
    def is_known(text: str) -> bool:
        return valid_id(text)


def init_ids(app: Flask) -> None:
    """Make the converters known; before any route is registered."""
    app.url_map.converters.update(public_id=PublicId, any_name=AnyName)


def _encode_once(text: str) -> str:
    if _DOTS.fullmatch(text):
        return text.replace(".", "%2E")
    return _TWICE.sub(lambda found: quote(found[0], safe=""), text)
