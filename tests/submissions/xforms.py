"""Forms out of raw XML, where a test is about the XML itself."""

from __future__ import annotations

CASE = "http://commcarehq.org/case/transaction/v2"
XMLNS = "http://openrosa.org/formdesigner/visit"


def block(case_id: str, inside: str = "", **attributes: str) -> str:
    """A case block; nothing is escaped."""
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<case xmlns="{CASE}" case_id="{case_id}"{written}>{inside}</case>'


def form(*inside: str) -> bytes:
    """A form with this content."""
    return f'<data xmlns="{XMLNS}">{"".join(inside)}</data>'.encode()
