"""Walking a form's answers for a template: as steps, for a macro that calls itself would reach
Python's limit on a form of 250 levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from webapp.submissions.answers import Answer, AnswerTree, Kind

#: Groups deeper than this stand beside each other, with their path.
DEEPEST = 25


@dataclass(frozen=True, slots=True)
class Step:
    """Open a group, close one, or a single answer."""

    what: Literal["open", "close", "answer"]
    answer: Answer
    #: Its name, or its path where it stands too deep to be drawn in its place.
    name: str


def answer_steps(tree: AnswerTree) -> Iterator[Step]:
    """The answers in document order, without the meta block, which stands among the facts."""
    waiting: list[tuple[Answer, int, bool]] = [(one, 1, False) for one in reversed(tree.answers)]
    while waiting:
        answer, level, leaving = waiting.pop()
        deep = level > DEEPEST
        name = answer.path if deep else answer.label or answer.tag
        if leaving:
            yield Step("close", answer, name)
        elif answer.kind == Kind.META:
            continue
        elif not answer.children:
            yield Step("answer", answer, name)
        else:
            if deep:
                yield Step("answer", answer, name)
            else:
                yield Step("open", answer, name)
                waiting.append((answer, level, True))
            waiting += [(one, level + 1, False) for one in reversed(answer.children)]
