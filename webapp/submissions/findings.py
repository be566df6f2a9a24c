"""What `verify` found to be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class What(StrEnum):
    """The kind of thing that is wrong."""

    CASE = "case"
    INDEX = "index"
    TRANSACTION = "transaction"
    SUBMISSION = "submission"
    ATTACHMENT = "attachment"
    TICK = "tick"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what it is, its id (a row's key where it has no other), and a
    sentence that says what is wrong without telling anything about a person."""

    what: What
    id: str
    sentence: str
