"""The domain's errors. Each carries a sentence for the person who asked; the edges (`web`, `api`,
`cli`) turn the class into a status and the sentence into an answer (SPEC X5)."""

from __future__ import annotations


class CasekeeperError(Exception):
    """Something that was asked for cannot be done; `message` says what and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(CasekeeperError):
    """It does not exist in this project (404)."""


class Invalid(CasekeeperError):
    """What was given cannot be understood or accepted (400 in APIs, 422 on pages)."""


class InvalidEntry(Invalid):
    """The same of one field of what was given: `field` is what cannot be so."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Refused(CasekeeperError):
    """It is understood but not allowed in the present state (409). `in_the_way` are the ids of
    what blocks it (SPEC A5), in the order in which they must be dealt with."""

    def __init__(self, message: str, in_the_way: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.in_the_way = in_the_way


class Already(Refused):
    """It is as was asked already, and nothing changed."""


class Busy(CasekeeperError):
    """The database could not be reached or locked in time: ask again (503)."""


class TooSlow(Busy):
    """It took longer than it may, and was given up: ask for less, or at a quieter time (503)."""


class NotAllowed(CasekeeperError):
    """The role in this project lacks a right, or a key does (403). `right` is the right's label."""

    def __init__(self, right: str, lacks: str = "which your role here does not have") -> None:
        super().__init__(f"This needs the right “{right}”, {lacks}.")
        self.right = right


class TooMany(CasekeeperError):
    """Asked too often (429): ask again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
