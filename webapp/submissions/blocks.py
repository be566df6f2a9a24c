"""What a form says about a case (CaseXML 2.0), and the words of the format (SPEC S3, S9, S10)."""

from __future__ import annotations

from dataclasses import dataclass, field

from webapp.clock import Micros
from webapp.errors import CasekeeperError

CASE_XMLNS = "http://commcarehq.org/case/transaction/v2"

#: What the columns of ids, names and types hold, in characters.
MAX_COLUMN = 255
#: The longest value of a property, in bytes of UTF-8.
MAX_VALUE = 32_768
#: The cases of one form, and their indexes. All of them are held in memory and locked until the
#: form is stored: so many take some 100 MB and a few seconds, in which nobody else can send.
MAX_CASES = 5_000
MAX_INDEXES = 10_000

#: Reserved names, in `create` and `update`, with the keys that they are known by (SPEC S9b).
RESERVED = {
    "case_type": "case_type",
    "case_name": "case_name",
    "name": "case_name",
    "owner_id": "owner_id",
    "external_id": "external_id",
    "user_id": "user_id",
    "date_opened": "date_opened",
}
#: Names of the block's own attributes, which are never properties.
NEVER_PROPERTIES = frozenset({"case_id", "date_modified"})
RELATIONSHIPS = frozenset({"child", "extension"})


class Problem(CasekeeperError):
    """A form is well-formed but must not be applied (SPEC S10); `message` says why and where."""


@dataclass(frozen=True, slots=True)
class IndexChange:
    """Where an index is to point; an empty `target` removes it."""

    identifier: str
    target: str
    case_type: str
    relationship: str


@dataclass(frozen=True, slots=True)
class CaseBlock:
    """All that a form says about one case, its blocks merged as SPEC S8 says.

    `opener` is the user of the first block that names one, `user` that of the last.
    `date_modified` is that of the last block that gives one. `given` has the reserved names that
    were given, under the keys `case_type`, `case_name`, `owner_id`, `external_id`, `user_id`.
    """

    case_id: str
    opener: str | None = None
    user: str | None = None
    date_modified: Micros | None = None
    given: dict[str, str] = field(default_factory=dict)
    date_opened: Micros | None = None
    properties: dict[str, str] = field(default_factory=dict)
    indices: tuple[IndexChange, ...] = ()
    closes: bool = False


def valid_id(text: str) -> bool:
    """Whether a text may be the id of a submission or a case (SPEC S3)."""
    return 0 < len(text) <= MAX_COLUMN and " " not in text and text.isprintable()


def shorten(text: str) -> str:
    """A text out of a form, fit to be quoted in a sentence."""
    shown = text if len(text) <= 60 else text[:60] + "…"
    return "".join(char if char.isprintable() else "�" for char in shown)
