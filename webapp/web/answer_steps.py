"""Walking a form's answers for a template: as steps, for a macro that calls itself would reach
Python's limit on a form of 250 levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from webapp.submissions.answers import Answer, AnswerTree, Kind

#: So many characters of answers are shown on one page; of what comes after, only the beginnings.
BUDGET = 60_000
SHORT = 100

#: Groups deeper than this stand beside each other, with their path.
DEEPEST = 25


@dataclass(frozen=True, slots=True)
class Step:
    """Open a group, close one, or a single answer."""

    what: Literal["open", "close", "answer"]
    answer: Answer
    #: Its name, or its path where it stands too deep to be drawn in its place.
    name: str
    text: str = ""
    #: Whether there is more text than this.
    cut: bool = False


def answer_steps(tree: AnswerTree) -> Iterator[Step]:
    """The answers in document order, without the meta block, which stands among the facts."""
    left = BUDGET
    waiting: list[tuple[Answer, int, bool]] = [(one, 1, False) for one in reversed(tree.answers)]
    while waiting:
        answer, level, leaving = waiting.pop()
        deep = level > DEEPEST
        name = answer.path if deep else answer.label or answer.tag
        if leaving:
            yield Step("close", answer, name)
        elif answer.kind == Kind.META:
            continue
        else:
            text = answer.text if len(answer.text) <= left else answer.text[:SHORT]
            left -= len(text)
            what: Literal["open", "answer"] = "open" if answer.children and not deep else "answer"
            yield Step(what, answer, name, text, answer.cut or text != answer.text)
            if what == "open":
                waiting.append((answer, level, True))
            waiting += [(one, level + 1, False) for one in reversed(answer.children)]
