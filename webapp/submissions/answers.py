"""A form's answers as a tree for its page (SPEC U9). For forms of any size: what is over the limits
is counted and left out, never kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from webapp.submissions.xml import XML_SPACE, Reader, local_name, read_xml

MAX_NODES = 2_000
#: The longest text that is shown of one answer or attribute, in characters.
MAX_TEXT = 10_000
MAX_ATTRIBUTES_SHOWN = 20


class Kind(StrEnum):
    """What an element of a form is."""

    QUESTION = "question"
    GROUP = "group"
    REPEAT = "repeat"
    META = "meta"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Answer:
    """One element of a form.

    `text` is exactly what was answered, for groups the text between their children; `cut` says that
    it was too long and shows its beginning. `label` is the question's wording, None as long as no
    application tells it. `number` counts the elements of the same name in one group, from 1, where
    there are several (kind `repeat`), else it is None. `path` is unique in the form. A `meta` or
    `case` element is only marked: its content is shown elsewhere on the page.
    """

    tag: str
    label: str | None
    kind: Kind
    number: int | None
    text: str
    cut: bool
    attributes: Mapping[str, str]
    children: tuple[Answer, ...]
    path: str


@dataclass(frozen=True, slots=True)
class AnswerTree:
    """The answers under the root element. `total` counts all elements that an uncut tree shows, the
    root apart; `cut` says that not all of them are here."""

    root: str
    answers: tuple[Answer, ...]
    total: int
    cut: bool


def answers(xml: bytes, *, limit_nodes: int = MAX_NODES) -> AnswerTree:
    """The first `limit_nodes` elements of a form, in document order.

    Raises NotAForm where the XML cannot be read. It wants no namespace and no valid case blocks, so
    that the page of a form in state `error` can show it too. Takes as long as `parse`.
    """
    reader = _AnswerReader(limit_nodes)
    read_xml(xml, reader)
    return reader.tree()


@dataclass(slots=True)
class _Draft:
    """An element whose end has not come."""

    tag: str
    path: str
    marked: Kind | None
    attributes: dict[str, str]
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    children: list[_Draft] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    #: The children as they are shown, known when this element ends.
    finished: tuple[Answer, ...] = ()

    def finish(self) -> None:
        """Number the children: only now is it known which names come more than once."""
        numbers: Counter[str] = Counter()
        finished = []
        for child in self.children:
            numbers[child.tag] += 1
            repeated = self.names[child.tag] > 1 and child.marked is None
            finished.append(child.answer(numbers[child.tag] if repeated else None))
        self.finished, self.children = tuple(finished), []

    def answer(self, number: int | None) -> Answer:
        """What is shown of a finished element."""
        kind = Kind.GROUP if self.finished else Kind.QUESTION
        text = "".join(self.pieces)
        if self.finished and not text.strip(XML_SPACE):
            text = ""  # only the line breaks of printed XML
        return Answer(
            tag=self.tag,
            label=None,
            kind=self.marked or (kind if number is None else Kind.REPEAT),
            number=number,
            text=text[:MAX_TEXT],
            cut=len(text) > MAX_TEXT,
            attributes=self.attributes,
            children=self.finished,
            path=self.path,
        )


class _AnswerReader(Reader):
    """Builds the tree as far as the limit allows, and counts the rest.

    The elements that are kept make the stack `_open`; an element is among them exactly when its
    level is at most the height of the stack.
    """

    def __init__(self, limit_nodes: int) -> None:
        super().__init__()
        self._limit = limit_nodes
        self._total = 0
        self._open: list[_Draft] = []
        #: The level of the meta or case block that is being passed over.
        self._block: int | None = None

    def opened(self, tag: str, attributes: Mapping[str, str], level: int) -> None:
        if self._block is not None:
            return
        name = local_name(tag)
        marked = _marked(name, attributes, level)
        if marked is not None:
            self._block = level
        if level > 1:
            self._total += 1
        if self._total > self._limit:
            return
        draft = _Draft(name, self._path(name), marked, _shown(attributes))
        if self._open:
            self._open[-1].children.append(draft)
        self._open.append(draft)

    def closed(self, tag: str, level: int) -> None:  # noqa: ARG002  (the hook gives it)
        if level == self._block:
            self._block = None
        if 1 < level == len(self._open):
            self._open.pop().finish()

    def data(self, piece: str) -> None:
        if self._level != len(self._open) or self._block is not None:
            return
        draft = self._open[-1]
        if draft.length <= MAX_TEXT:
            draft.pieces.append(piece[: MAX_TEXT + 1])
            draft.length += len(piece)

    def tree(self) -> AnswerTree:
        """What was read, once all of the document has been."""
        root = self._open[0]
        root.finish()
        return AnswerTree(root.tag, root.finished, self._total, self._total > self._limit)

    def _path(self, name: str) -> str:
        if not self._open:
            return f"/{name}"
        parent = self._open[-1]
        parent.names[name] += 1
        place = f"[{parent.names[name]}]" if parent.names[name] > 1 else ""
        return f"{parent.path}/{name}{place}"


def _marked(name: str, attributes: Mapping[str, str], level: int) -> Kind | None:
    if level == 2 and name == "meta":
        return Kind.META
    return Kind.CASE if level > 1 and name == "case" and "case_id" in attributes else None


def _shown(attributes: Mapping[str, str]) -> dict[str, str]:
    first = list(attributes.items())[:MAX_ATTRIBUTES_SHOWN]
    return {local_name(key): value[:MAX_TEXT] for key, value in first}
