"""Which submissions a person wants to see, and its canonical address (SPEC U6, U7).

An address never holds text that people typed about persons: users are named by their opaque ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from flask_babel import gettext as _

from webapp.errors import Invalid
from webapp.history.calendar import ANY_TIME, EARLIEST, LATEST, Days
from webapp.submissions.blocks import valid_id
from webapp.submissions.models import State

T = TypeVar("T")

#: Without a filter by date, the list begins this many days ago, today included.
DEFAULT_DAYS = 7

#: Stands for forms that came without an application; an id that reads like it is marked.
UNKNOWN_APP = "unknown"
_APP_MARK = "app:"


class UserType(StrEnum):
    """Kinds of users as people choose them; the system is in three of them (U6)."""

    MOBILE = "mobile"
    DEACTIVATED = "deactivated"
    WEB = "web"
    ADMIN = "admin"
    UNKNOWN = "unknown"
    AUTOMATIC = "automatic"
    #: Whoever works in a terminal of the server. Shown as such, and found among web users.
    TERMINAL = "terminal"


#: The types that can be chosen.
USER_TYPES = tuple(kind for kind in UserType if kind is not UserType.TERMINAL)


@dataclass(frozen=True)
class SubmissionFilter:
    """What to show. A field that is None or empty does not narrow, but for `received`: None is the
    last `DEFAULT_DAYS` days, which move, and `ANY_TIME` does not narrow."""

    received: Days | None = None
    completed: Days = ANY_TIME
    user_types: frozenset[UserType] = field(default_factory=frozenset)
    user: str = ""
    #: Forms of the workers who are in a group now, and of those who are assigned now to a location
    #: or one below it, by their public ids.
    group: str = ""
    location: str = ""
    #: None is every application; "" the forms that came without one.
    app: str | None = None
    xmlns: str = ""
    case: str = ""
    #: The public id of the rule that wrote it, and the number of the run in which it did.
    rule: str = ""
    run: int | None = None
    #: None is every state.
    state: State | None = State.NORMAL

    def received_days(self, today: date) -> Days:
        """The days received, with the default made out."""
        return last_days(DEFAULT_DAYS, today) if self.received is None else self.received

    @property
    def narrowing(self) -> tuple[str, ...]:
        """The names of the fields that leave something out."""
        return tuple(name for name in FIELDS if getattr(self, name) != getattr(EVERYTHING, name))

    def without(self, name: str) -> SubmissionFilter:
        """The same, but with this field not narrowing."""
        return replace(self, **{name: getattr(EVERYTHING, name)})


_DEFAULT_STATE: State | None = State.NORMAL
FIELDS = tuple(one.name for one in fields(SubmissionFilter))
EVERYTHING = SubmissionFilter(received=ANY_TIME, state=None)


def forms_of_rule(rule_id: str) -> SubmissionFilter:
    """All forms that a rule ever wrote, by its public id: what a rule's pages link to."""
    return replace(EVERYTHING, rule=rule_id)


def forms_of_run(run: int) -> SubmissionFilter:
    """All forms that a run wrote, by its number, also those that were taken back since."""
    return replace(EVERYTHING, run=run)


class Unreadable(Invalid):
    """Some values cannot be read: `problems` has a sentence for each parameter at fault."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


def last_days(count: int, today: date) -> Days:
    """The last days, today included. Open at the end: a tick may be a little ahead of the clock."""
    return Days(today - timedelta(days=count - 1), None)


def parse(query: Mapping[str, Sequence[str]], today: date) -> SubmissionFilter:
    """Read the parameters of an address or a form; of several of a name the last counts (user
    types add up). Unknown names are ignored. The default written out is the default again.

    Raises `Unreadable` with what is wrong with each.
    """
    values = Values(query)
    found = SubmissionFilter(
        received=_received(values, today),
        completed=values.days("completed_from", "completed_to"),
        user_types=frozenset(values.each("user_type", _user_type)),
        user=values.one("user", _user, ""),
        group=values.one("group", _id, ""),
        location=values.one("location", _id, ""),
        app=values.one("app", _app, None),
        xmlns=values.one("xmlns", _text, ""),
        case=values.one("case", _id, ""),
        rule=values.one("rule", read_rule, ""),
        run=values.one("run", _run, None),
        state=values.one("state", _state, _DEFAULT_STATE),
    )
    if values.problems:
        raise Unreadable(values.problems)
    return found


class Values:
    """The parameters, and what was wrong with those that were read."""

    def __init__(self, query: Mapping[str, Sequence[str]]) -> None:
        self.query = query
        self.problems: dict[str, str] = {}

    def each(self, name: str, reader: Callable[[str], T]) -> list[T]:
        """All that can be read of a parameter's values."""
        found = []
        for text in self.query.get(name) or []:
            try:
                found.append(reader(text.strip()))
            except Invalid as error:
                self.problems[name] = error.message
        return found

    def one(self, name: str, reader: Callable[[str], T], default: T) -> T:
        """The last value of a parameter, or the default where it is empty or unreadable."""
        texts = self.query.get(name) or [""]
        if not texts[-1].strip():
            return default
        try:
            return reader(texts[-1].strip())
        except Invalid as error:
            self.problems[name] = error.message
            return default

    def days(self, first: str, last: str) -> Days:
        """A range of days in the right order."""
        days = Days(self.one(first, read_day, None), self.one(last, read_day, None))
        if days.first and days.last and days.first > days.last:
            self.problems[last] = _("The last day is before the first. Change one of them.")
        return days


def _received(values: Values, today: date) -> Days | None:
    days = values.days("from", "to")
    if days == ANY_TIME and not {"from", "to"} & values.query.keys():
        return values.one("received", _any_time, None)
    default = last_days(DEFAULT_DAYS, today)
    return None if days in {default, replace(default, last=today)} else days


def unparse(wanted: SubmissionFilter) -> list[tuple[str, str]]:
    """The inverse of `parse`: sorted, defaults left out. Equal filters give equal answers."""
    found: list[tuple[str, str]] = [("user_type", kind.value) for kind in wanted.user_types]
    if wanted.received == ANY_TIME:
        found.append(("received", "any"))
    found += _of_days("from", "to", wanted.received or ANY_TIME)
    found += _of_days("completed_from", "completed_to", wanted.completed)
    for name in ("user", "group", "location", "xmlns", "case", "rule"):
        if text := getattr(wanted, name):
            found.append((name, text))
    if wanted.app is not None:
        found.append(("app", _app_text(wanted.app)))
    if wanted.run is not None:
        found.append(("run", str(wanted.run)))
    if wanted.state != State.NORMAL:
        found.append(("state", wanted.state.value if wanted.state else "any"))
    return sorted(found)


def query_string(wanted: SubmissionFilter, **cursor: str | None) -> str:
    """The canonical query of a filter and a place in its pages; "" for the default."""
    pairs = unparse(wanted) + [(name, text) for name, text in cursor.items() if text]
    return urlencode(sorted(pairs))


def app_value(app_id: str) -> str:
    """How an application stands in an address; "" is the forms without one."""
    return _app_text(app_id)


def _of_days(first: str, last: str, days: Days) -> list[tuple[str, str]]:
    pairs = ((first, days.first), (last, days.last))
    return [(name, day.isoformat()) for name, day in pairs if day is not None]


def read_day(text: str) -> date:
    """The day that a text names. Raises `Invalid` with what to type instead."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise Invalid(_("Enter a date as year, month and day, like 2026-01-31.")) from error
    if not EARLIEST <= day <= LATEST:
        raise Invalid(
            _(
                "Enter a date from %(first)s to %(last)s.",
                first=EARLIEST.isoformat(),
                last=LATEST.isoformat(),
            )
        )
    return day


def _any_time(text: str) -> Days | None:
    if text != "any":
        raise Invalid(_("Choose a first and a last day, or any time."))
    return ANY_TIME


def _user_type(text: str) -> UserType:
    if text not in USER_TYPES:
        raise Invalid(_("Choose one of the user types that are offered."))
    return UserType(text)


def _state(text: str) -> State | None:
    try:
        return None if text == "any" else State(text)
    except ValueError as error:
        raise Invalid(_("Choose one of the states that are offered.")) from error


def _text(text: str) -> str:
    if len(text) > 255 or "\0" in text or not _is_unicode(text):
        raise Invalid(_("This is no text that a form could have. Choose from the list."))
    return text


def _id(text: str) -> str:
    if not valid_id(text) or not _is_unicode(text):
        raise Invalid(_("An id has 1 to 255 printable characters and no spaces."))
    return text


def _user(text: str) -> str:
    # Not only those that this server gives: a form says whose it is in any words.
    if not text.isprintable() or len(text) > 255:
        raise Invalid(_("A user’s id has 1 to 255 printable characters."))
    return text


def read_rule(text: str) -> str:
    """The public id of a rule. Raises `Invalid` for what cannot be one."""
    if not _RULE_ID.fullmatch(text):
        raise Invalid(_("Choose one of the rules that are offered."))
    return text


def _run(text: str) -> int:
    # People write it as pages show it, with the sign before the number.
    number = text.removeprefix("#")
    if not _RUN_NUMBER.fullmatch(number) or int(number) > _LAST_RUN:
        raise Invalid(_("Enter the number of a run, like 88."))
    return int(number)


_RULE_ID = re.compile(r"[0-9a-f]{32}")
_RUN_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
#: The greatest number that the databases keep for a run.
_LAST_RUN = 2**31 - 1


def _app(text: str) -> str:
    if text == UNKNOWN_APP:
        return ""
    return _text(text.removeprefix(_APP_MARK))


def _app_text(app_id: str) -> str:
    if not app_id:
        return UNKNOWN_APP
    return _APP_MARK + app_id if app_id == UNKNOWN_APP or app_id.startswith(_APP_MARK) else app_id


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)
