"""What blanks do in a rule, in words (SPEC U2, R5): each a whole sentence, to be translated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from types import MappingProxyType

from flask_babel import gettext as _

from webapp.rules.blanks import Blank, Lack


class _Fate(Enum):
    """What becomes of the cases."""

    NEVER = auto()
    ALWAYS = auto()
    IF_ONE = auto()
    IF_ALL = auto()


def blank_words(blank: Blank, cases: int | None = None) -> str:
    """What becomes of the cases that lack something, and how many open ones there are, if that was
    counted: “Cases with no edd do not match (4,340).”"""
    words = _WORDS[_kind(blank), _fate(blank)](str(blank.subject.reference))
    if cases is None:
        return _("%(words)s.", words=words)
    return _("%(words)s (%(number)s).", words=words, number=f"{cases:,}")


def _fate(blank: Blank) -> _Fate:
    if blank.decides:
        return _Fate.ALWAYS if blank.matches else _Fate.NEVER
    return _Fate.IF_ALL if blank.matches else _Fate.IF_ONE


def _kind(blank: Blank) -> str:
    subject = blank.subject
    if subject.reference is None:
        return "parent"
    if subject.lack is Lack.CASE:
        return "case"
    if subject.lack is Lack.TEXT:
        return "their text" if subject.also_alone else "text"
    if not subject.reference.path:
        return "own"
    return "either" if subject.also_alone else "theirs"


# A translator's tool finds only texts that stand in the code, so each sentence is a function's.
_WORDS: Mapping[tuple[str, _Fate], Callable[[str], str]] = MappingProxyType(
    {
        ("own", _Fate.NEVER): lambda name: _("Cases with no %(name)s do not match", name=name),
        ("own", _Fate.ALWAYS): lambda name: _("Cases with no %(name)s match", name=name),
        ("own", _Fate.IF_ONE): lambda name: _(
            "Cases with no %(name)s match only by another condition", name=name
        ),
        ("own", _Fate.IF_ALL): lambda name: _(
            "Cases with no %(name)s match if the other conditions are true", name=name
        ),
        ("text", _Fate.NEVER): lambda name: _(
            "Cases where %(name)s is empty or was never filled in do not match", name=name
        ),
        ("text", _Fate.ALWAYS): lambda name: _(
            "Cases where %(name)s is empty or was never filled in match", name=name
        ),
        ("text", _Fate.IF_ONE): lambda name: _(
            "Cases where %(name)s is empty or was never filled in match only by another condition",
            name=name,
        ),
        ("text", _Fate.IF_ALL): lambda name: _(
            "Cases where %(name)s is empty or was never filled in match if the other conditions are"
            " true",
            name=name,
        ),
        ("their text", _Fate.NEVER): lambda name: _(
            "Cases where %(name)s is empty or was never filled in, or there is no such case, do not"
            " match",
            name=name,
        ),
        ("their text", _Fate.ALWAYS): lambda name: _(
            "Cases where %(name)s is empty or was never filled in, or there is no such case, match",
            name=name,
        ),
        ("their text", _Fate.IF_ONE): lambda name: _(
            "Cases where %(name)s is empty or was never filled in, or there is no such case, match"
            " only by another condition",
            name=name,
        ),
        ("their text", _Fate.IF_ALL): lambda name: _(
            "Cases where %(name)s is empty or was never filled in, or there is no such case, match"
            " if the other conditions are true",
            name=name,
        ),
        ("theirs", _Fate.NEVER): lambda name: _(
            "Cases where %(name)s is blank do not match", name=name
        ),
        ("theirs", _Fate.ALWAYS): lambda name: _("Cases where %(name)s is blank match", name=name),
        ("theirs", _Fate.IF_ONE): lambda name: _(
            "Cases where %(name)s is blank match only by another condition", name=name
        ),
        ("theirs", _Fate.IF_ALL): lambda name: _(
            "Cases where %(name)s is blank match if the other conditions are true", name=name
        ),
        ("either", _Fate.NEVER): lambda name: _(
            "Cases where %(name)s is blank, or there is no such case, do not match", name=name
        ),
        ("either", _Fate.ALWAYS): lambda name: _(
            "Cases where %(name)s is blank, or there is no such case, match", name=name
        ),
        ("either", _Fate.IF_ONE): lambda name: _(
            "Cases where %(name)s is blank, or there is no such case, match only by another"
            " condition",
            name=name,
        ),
        ("either", _Fate.IF_ALL): lambda name: _(
            "Cases where %(name)s is blank, or there is no such case, match if the other conditions"
            " are true",
            name=name,
        ),
        ("case", _Fate.NEVER): lambda name: _(
            "Cases that lead to no case for %(name)s do not match", name=name
        ),
        ("case", _Fate.IF_ONE): lambda name: _(
            "Cases that lead to no case for %(name)s match only by another condition", name=name
        ),
        ("parent", _Fate.NEVER): lambda _name: _("Cases without a parent case do not match"),
        ("parent", _Fate.IF_ONE): lambda _name: _(
            "Cases without a parent case match only by another condition"
        ),
    }
)
