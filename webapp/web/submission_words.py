"""How the filters of Submit History are named on pages."""

from __future__ import annotations

from datetime import date

from babel.dates import format_date
from flask_babel import get_locale
from flask_babel import gettext as _

from webapp.history.calendar import Days
from webapp.history.choices import Choices
from webapp.history.filters import DEFAULT_DAYS, USER_TYPES, SubmissionFilter, UserType
from webapp.history.rule_choices import RuleChoice, RunChoice
from webapp.history.words import state_word
from webapp.submissions.models import State


def type_choice(kind: UserType) -> str:
    """A user type as filters offer it."""
    return {
        UserType.MOBILE: _("[Mobile workers]"),
        UserType.DEACTIVATED: _("[Deactivated]"),
        UserType.WEB: _("[Web Users]"),
        UserType.ADMIN: _("[admin]"),
        UserType.UNKNOWN: _("[Unknown Users]"),
        UserType.AUTOMATIC: _("[Automatic rules]"),
    }[kind]


def state_choice(state: State | None) -> str:
    """A state as filters offer it; None is all of them."""
    return _("Any state") if state is None else state_word(state)


def why_state(state: State) -> str:
    """What a state means for the cases, as a sentence."""
    return {
        State.NORMAL: _("Its changes count."),
        State.ARCHIVED: _("Its effect on the cases is taken away. It can be restored at any time."),
        State.ERROR: _("It could not be applied and changed no case. Nothing of it is lost."),
        State.DUPLICATE: _("The same form had come before, so it changed nothing."),
        State.DEPRECATED: _("A newer version took its place, so its changes no longer count."),
        State.UNPARSED: _("What came cannot be read as a form. It is kept as it came."),
    }[state]


def app_words(app_id: str) -> str:
    """An application as filters offer it."""
    return app_id or _("Unknown forms (without an application)")


def rule_words(rule: RuleChoice) -> str:
    """A rule as filters offer it: two of one name can be told apart (R15)."""
    if rule.namesake:
        return _("%(name)s (%(id)s)", name=rule.name, id=rule.rule_id[:8])
    return rule.name


def run_words(run: RunChoice) -> str:
    """A run as filters offer it: “#88 · Close stale pregnancies (v3)”."""
    return _(
        "#%(number)s · %(name)s (v%(version)s)",
        number=run.number,
        name=run.rule_name,
        version=run.rule_version,
    )


def day_words(day: date) -> str:
    """A calendar day in the reader's language."""
    return str(format_date(day, "d MMM y", locale=get_locale() or "en"))


def days_words(days: Days) -> str:
    """A range of days."""
    if days.first and days.last:
        if days.first == days.last:
            return day_words(days.first)
        return _("%(first)s to %(last)s", first=day_words(days.first), last=day_words(days.last))
    if days.first:
        return _("from %(first)s on", first=day_words(days.first))
    if days.last:
        return _("until %(last)s", last=day_words(days.last))
    return _("any time")


def filter_words(wanted: SubmissionFilter, name: str, offered: Choices) -> str:
    """One narrowing of a filter as its tag says it: “Form: Visit”."""
    if name in {"received", "completed"}:
        return _days_filter(wanted, name)
    if name in {"user_types", "user", "group", "location"}:
        return _whose_filter(wanted, name, offered)
    if name == "app":
        return _("Application: %(name)s", name=app_words(wanted.app or ""))
    if name == "xmlns":
        known = {one.xmlns: one.name for one in offered.forms}
        return _("Form: %(name)s", name=known.get(wanted.xmlns) or wanted.xmlns)
    if name == "case":
        return _("Case: %(id)s", id=wanted.case)
    if name == "rule":
        rules = {one.rule_id: rule_words(one) for one in offered.rules}
        return _("Rule: %(name)s", name=rules.get(wanted.rule, wanted.rule))
    if name == "run":
        return _("Run: #%(number)s", number=wanted.run)
    return _("State: %(state)s", state=state_choice(wanted.state))


def _whose_filter(wanted: SubmissionFilter, name: str, offered: Choices) -> str:
    if name == "user_types":
        kinds = ", ".join(type_choice(kind) for kind in USER_TYPES if kind in wanted.user_types)
        return _("User types: %(types)s", types=kinds)
    if name == "user":
        return _("User: %(name)s", name=user_name(wanted.user, offered))
    known = {one.owner_id: one.name for one in (*offered.groups, *offered.locations)}
    if name == "group":
        return _("Group: %(name)s", name=known.get(wanted.group, wanted.group))
    return _("Location: %(name)s", name=known.get(wanted.location, wanted.location))


def _days_filter(wanted: SubmissionFilter, name: str) -> str:
    if name == "completed":
        return _("Completed: %(days)s", days=days_words(wanted.completed))
    if wanted.received is None:
        return _("Received: last %(count)s days", count=DEFAULT_DAYS)
    return _("Received: %(days)s", days=days_words(wanted.received))


def user_name(user_id: str, offered: Choices) -> str:
    """The name of a user whom the filters offer, else the id."""
    known = {one.user_id: one.name for one in (*offered.workers, *offered.web_users)}
    return known.get(user_id, user_id)
