"""Forms that the server writes itself, as the XML that a phone would have sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

from webapp.clock import Micros, iso
from webapp.errors import Invalid
from webapp.submissions.blocks import (
    CASE_XMLNS,
    NEVER_PROPERTIES,
    RESERVED,
    CaseBlock,
    IndexChange,
    shorten,
)

META_XMLNS = "http://openrosa.org/jr/xforms"

# XML 1.0, fifth edition, productions 2 and 4; without the colon, which means a namespace.
_CHARS = re.compile(r"[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
_START = (
    r"A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    r"\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME = re.compile(rf"[{_START}][{_START}\-.0-9\xb7\u0300-\u036f\u203f\u2040]*")

#: A parser reads a bare CR as LF. (In attributes the library does this, and tab and LF, by itself.)
_IN_TEXT = {"\r": "&#13;"}


def can_be_text(text: str) -> bool:
    """Whether XML can hold a text: no control characters but tab and line ends, no surrogates."""
    return _CHARS.fullmatch(text) is not None


def can_be_name(text: str) -> bool:
    """Whether a text can be the name of an element, and so of a property or an index."""
    return _NAME.fullmatch(text) is not None


def render_case_form(
    *,
    root: str = "system",
    xmlns: str,
    name: str,
    instance_id: str,
    user_id: str | None,
    username: str | None,
    device_id: str | None,
    time: Micros,
    blocks: Sequence[CaseBlock],
    answers: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """A form with these case blocks: the same bytes each time, and `parse` gives the blocks back.

    `time` is when it was begun and completed. `answers` are questions of the form itself, which
    change no case. A block that names a type is written as a `create`,
    others as an `update`; both open a case that is unknown (SPEC S9a). What `parse` would refuse
    is not checked here, but raises Invalid where XML cannot hold it at all. Raises ValueError for a
    reserved name among the properties.
    """
    meta = {
        "deviceID": device_id,
        "timeStart": iso(time),
        "timeEnd": iso(time),
        "username": username,
        "userID": user_id,
        "instanceID": instance_id,
    }
    return "".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>\n',
            f'<{_name(root)} xmlns={_attribute(xmlns)} version="1" uiVersion="1"',
            f" name={_attribute(name)}>",
            f'<meta xmlns="{META_XMLNS}">',
            *(_element(key, value) for key, value in meta.items() if value),
            "</meta>",
            *(_element(key, value) for key, value in answers.items()),
            *(piece for block in blocks for piece in _block(block)),
            f"</{root}>\n",
        ]
    ).encode()


def _block(block: CaseBlock) -> Iterator[str]:
    if block.opener and block.opener != block.user:
        # Two users of one case in one form: the first opened it, the last changed it.
        yield f"{_begin(block.case_id, block.opener, None)}</case>"
    yield _begin(block.case_id, block.user, block.date_modified)
    given = dict(block.given)
    if block.date_opened is not None:
        given["date_opened"] = iso(block.date_opened)
    reserved = [_element(key, value) for key, value in given.items()]
    if "case_type" in given:
        yield f"<create>{''.join(reserved)}</create>"
        reserved = []
    if reserved or block.properties:
        yield f"<update>{''.join(reserved)}{''.join(_properties(block.properties))}</update>"
    if block.indices:
        yield f"<index>{''.join(map(_index, block.indices))}</index>"
    if block.closes:
        yield "<close/>"
    yield "</case>"


def _begin(case_id: str, user: str | None, modified: Micros | None) -> str:
    tag = f'<case xmlns="{CASE_XMLNS}" case_id={_attribute(case_id)}'
    if user:
        tag += f" user_id={_attribute(user)}"
    if modified is not None:
        tag += f' date_modified="{iso(modified)}"'
    return f"{tag}>"


def _properties(properties: Mapping[str, str]) -> Iterator[str]:
    for name, value in properties.items():
        if name in RESERVED or name in NEVER_PROPERTIES:
            raise ValueError(f"{name} is a reserved name and no property")
        yield _element(name, value)


def _index(index: IndexChange) -> str:
    return (
        f"<{_name(index.identifier)} case_type={_attribute(index.case_type)}"
        f" relationship={_attribute(index.relationship)}>"
        f"{_text(index.target)}</{index.identifier}>"
    )


def _element(name: str, value: str) -> str:
    return f"<{_name(name)}>{_text(value)}</{name}>"


def _name(name: str) -> str:
    if not can_be_name(name):
        raise Invalid(
            f"“{shorten(name)}” cannot be a name in a form: names begin with a letter or “_”, and"
            " have letters, digits, “-”, “.” and “_” only."
        )
    return name


def _text(text: str) -> str:
    return escape(_checked(text), _IN_TEXT)


def _attribute(text: str) -> str:
    return quoteattr(_checked(text))


def _checked(text: str) -> str:
    if not can_be_text(text):
        raise Invalid(f"“{shorten(text)}” holds a character that a form cannot carry.")
    return text
