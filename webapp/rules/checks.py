"""Reading JSON that anybody may have sent: every value is checked where it is taken, and what is
wrong is noted under its path."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from flask_babel import gettext as _

from webapp.submissions.blocks import MAX_VALUE
from webapp.submissions.render import can_be_text

T = TypeVar("T")

#: No number of R4 is as large.
_BEYOND = 10**40


class Checked:
    """A JSON object, at a path. `problems` is shared with its children: path -> sentence; the first
    problem of a path stays."""

    def __init__(self, sent: Mapping[str, Any], path: str, problems: dict[str, str]) -> None:
        self._sent = sent
        self.path = path
        self.problems = problems

    @classmethod
    def root(cls, sent: object) -> Checked:
        """The outermost object; something else counts as an empty one, with a problem."""
        if isinstance(sent, Mapping):
            return cls(sent, "", {})
        return cls({}, "", {"": _("This is not a JSON object.")})

    def at(self, name: str) -> str:
        """The path of a key."""
        return f"{self.path}.{name}" if self.path else name

    def wrong(self, name: str, sentence: str) -> None:
        """Note what is wrong with a key."""
        self.problems.setdefault(self.at(name), sentence)

    def is_wrong(self, name: str) -> bool:
        """Whether something is wrong with a key."""
        return self.at(name) in self.problems

    def has(self, name: str) -> bool:
        """Whether a key is there, whatever its value."""
        return name in self._sent

    def has_items(self, name: str) -> bool:
        """Whether a key is there and is no empty list."""
        return self._sent.get(name, []) != []

    def only(self, *names: str) -> None:
        """No other keys are known."""
        for name in self._sent:
            if name not in names:
                self.wrong(_shown(name), _("There is no such key here."))

    def text(
        self,
        name: str,
        *,
        longest: int,
        default: str = "",
        required: str | None = None,
        trimmed: bool = False,
    ) -> str:
        """A text, without the blanks around it if `trimmed`; one of blanks alone is none where it
        is required."""
        if name not in self._sent:
            if required:
                self.wrong(name, required)
            return default
        value = self._text(name)
        if trimmed:
            value = value.strip()
        if required and not value.strip():
            self.wrong(name, required)
        elif len(value) > longest:
            self.wrong(name, _("At most %(count)s characters.", count=longest))
        return value

    def flag(self, name: str) -> bool:
        """True or false; false where it is not there."""
        value = self._sent.get(name, False)
        if not isinstance(value, bool):
            self.wrong(name, _("Enter true or false."))
        return value is True

    def value(self, name: str, *, required: str | None = None, empty: bool = False) -> str:
        """A property's value as it is, blanks included."""
        if name not in self._sent:
            self.wrong(name, required or _("Enter a value, or choose the empty text."))
            return ""
        value = self._text(name)
        if not value and not empty:
            self.wrong(name, required or _("Enter a value."))
        elif len(value.encode("utf-8", "replace")) > MAX_VALUE:
            self.wrong(name, _("A value has at most 32 kB."))
        return value

    def values(self, name: str, *, most: int) -> tuple[str, ...]:
        """A list of different texts that are not empty, in their order."""
        sent = self._sent.get(name)
        if not isinstance(sent, list) or not sent:
            self.wrong(name, _("Enter a list of at least one value."))
            return ()
        if len(sent) > most:
            self.wrong(name, _("At most %(count)s values.", count=most))
            return ()
        for number, value in enumerate(sent):
            place = f"{name}[{number}]"
            if not isinstance(value, str):
                self.wrong(place, _("Enter a text."))
            elif not value:
                # Nothing equals the empty text (R5): an empty property has no value.
                self.wrong(place, _("Enter a value."))
            elif not can_be_text(value):
                self.wrong(place, _control())
            elif len(value.encode()) > MAX_VALUE:
                self.wrong(place, _("A value has at most 32 kB."))
        return tuple(dict.fromkeys(value for value in sent if isinstance(value, str)))

    def number_text(self, name: str) -> str:
        """A plain number, as a JSON number or a text, without blanks around it."""
        sent = self._sent.get(name)
        if isinstance(sent, bool) or not isinstance(sent, int | float | Decimal | str):
            return ""
        if isinstance(sent, str):
            return sent.strip(" \t\n\r")
        return _plain(sent)

    def whole(
        self,
        name: str,
        least: int,
        most: int,
        *,
        default: int | None = None,
        required: str | None = None,
    ) -> int:
        """A whole number within bounds; `required` is what is said of the empty text."""
        sent = self._sent.get(name, default)
        if sent == "" and required:
            self.wrong(name, required)
            return least
        if isinstance(sent, bool) or not isinstance(sent, int) or not least <= sent <= most:
            self.wrong(
                name,
                _(
                    "Enter a whole number from %(least)s to %(most)s.",
                    least=f"{least:,}",
                    most=f"{most:,}",
                ),
            )
            return least
        return sent

    def word(
        self,
        name: str,
        known: Mapping[str, T],
        *,
        default: T | None = None,
        required: str | None = None,
    ) -> T | None:
        """One of a closed list of words."""
        sent = self._sent.get(name)
        if name not in self._sent or (sent == "" and required):
            if required:
                self.wrong(name, required)
            return default
        if not isinstance(sent, str) or sent not in known:
            self.wrong(name, _("Choose one of: %(words)s.", words=", ".join(known)))
            return default
        return known[sent]

    def items(self, name: str, *, most: int) -> list[Checked]:
        """A list of objects."""
        sent = self._sent.get(name, [])
        if not isinstance(sent, list):
            self.wrong(name, _("This is not a list."))
            return []
        if len(sent) > most:
            self.wrong(name, _("At most %(count)s of them.", count=most))
            return []
        found = []
        for number, one in enumerate(sent):
            path = f"{self.at(name)}[{number}]"
            if isinstance(one, Mapping):
                found.append(Checked(one, path, self.problems))
            else:
                self.problems.setdefault(path, _("This is not a JSON object."))
        return found

    def child(self, name: str, *, or_null: bool = False) -> Checked | None:
        """An object inside this one; None where it is not there, or null if it may be."""
        sent = self._sent.get(name)
        if name not in self._sent or (sent is None and or_null):
            return None
        if not isinstance(sent, Mapping):
            self.wrong(name, _("This is not a JSON object."))
            return None
        return Checked(sent, self.at(name), self.problems)

    def _text(self, name: str) -> str:
        sent = self._sent[name]
        if not isinstance(sent, str):
            self.wrong(name, _("Enter a text."))
            return ""
        if not can_be_text(sent):
            self.wrong(name, _control())
            return ""
        return sent


def _plain(number: float | Decimal) -> str:
    """A JSON number as digits: as it was written, not as a power of ten; "" for one that is far
    beyond those that rules compare."""
    if isinstance(number, int):
        # Python does not write integers of more than 4,300 digits.
        return str(number) if abs(number) < _BEYOND else ""
    exact = Decimal(repr(number)) if isinstance(number, float) else number
    # Huge exponents would become huge texts, and are no plain number anyway.
    if not exact.is_finite() or not -40 < exact.adjusted() < 40:
        return ""
    return f"{exact:f}"


def _shown(name: str) -> str:
    """A key that somebody made up, so that it can stand in an answer."""
    cut = name if len(name) <= 40 else name[:40] + "…"
    return cut.encode("utf-8", "replace").decode()


def _control() -> str:
    return str(_("This holds a character that a form cannot carry, such as a control character."))
