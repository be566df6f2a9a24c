"""What differs between two versions of a rule, as people read it (SPEC R29)."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import gettext as _

from webapp.rules.definition import Definition, Match
from webapp.rules.describe import action_words, criterion_words, quote


def differences(old: Definition, new: Definition) -> list[str]:
    """A sentence for each difference; none where the two say the same."""
    found = []
    if old.name != new.name:
        found.append(_("Name: %(old)s became %(new)s.", old=quote(old.name), new=quote(new.name)))
    if old.description != new.description:
        found.append(
            _(
                "Note: %(old)s became %(new)s.",
                old=quote(old.description),
                new=quote(new.description),
            )
        )
    if old.case_type != new.case_type:
        found.append(
            _(
                "Case type: %(old)s became %(new)s.",
                old=quote(old.case_type),
                new=quote(new.case_type),
            )
        )
    if old.match != new.match:
        found.append(
            _("Which cases: %(old)s became %(new)s.", old=_match(old.match), new=_match(new.match))
        )
    before, after = ([criterion_words(one) for one in of.criteria] for of in (old, new))
    found += [_("Condition removed: %(words)s.", words=words) for words in _less(before, after)]
    found += [_("Condition added: %(words)s.", words=words) for words in _less(after, before)]
    if before != after and sorted(before) == sorted(after):
        found.append(_("The conditions stand in another order."))
    before, after = ([action_words(one) for one in of.actions] for of in (old, new))
    found += [_("No longer happens: %(words)s.", words=words) for words in _less(before, after)]
    found += [_("Now happens: %(words)s.", words=words) for words in _less(after, before)]
    if before != after and sorted(before) == sorted(after):
        found.append(_("What happens stands in another order."))
    if not found and old != new:
        found.append(_("A long value was changed; the JSON of the versions shows it."))
    return found


def _match(match: Match) -> str:
    return {
        Match.ALL: _("all of the conditions"),
        Match.ANY: _("any of the conditions"),
        Match.EVERY_CASE: _("every open case"),
    }[match]


def _less(some: Sequence[str], others: Sequence[str]) -> list[str]:
    """What is in `some` and not in `others`, counting repeats."""
    left = list(others)
    found = []
    for one in some:
        if one in left:
            left.remove(one)
        else:
            found.append(one)
    return found
