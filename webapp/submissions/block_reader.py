"""Reading case blocks (CaseXML 2.0) and merging those of one case (SPEC S7–S10)."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.clock import Micros
from webapp.submissions.blocks import (
    CASE_XMLNS,
    MAX_CASES,
    MAX_COLUMN,
    MAX_INDEXES,
    MAX_VALUE,
    NEVER_PROPERTIES,
    RELATIONSHIPS,
    RESERVED,
    CaseBlock,
    IndexChange,
    Problem,
    shorten,
    valid_id,
)
from webapp.submissions.dates import parse_time
from webapp.submissions.xml import XML_SPACE, local_name, namespace_of

_WITH_VALUES = frozenset({"create", "update", "index"})
#: Given empty, these count as not given.
_NEVER_EMPTY = frozenset({"owner_id", "user_id", "date_opened"})


class BlockReader:
    """Follows the elements of a form and keeps what its case blocks say.

    The caller passes every element outside of device reports; a Problem that comes out of `opened`
    or `closed` is the end of it: call `stop`. `collect` and `collected` are for the caller too,
    for texts outside of blocks.
    """

    def __init__(self) -> None:
        self._cases: dict[str, _Merged] = {}
        #: The blocks that are open, innermost last: a block may stand anywhere, also in a block.
        self._open: list[_Open] = []
        #: The text that is being collected, or None where text does not matter.
        self._pieces: list[str] | None = None
        self._length = 0
        self._indexes = 0

    def opened(self, tag: str, attributes: Mapping[str, str], level: int) -> None:
        """An element begins. Raises Problem."""
        if "case_id" in attributes and local_name(tag) == "case":
            self._begin(namespace_of(tag), attributes, level)
        elif self._open:
            self._inside(self._open[-1], tag, attributes, level)

    def closed(self, tag: str, level: int) -> None:
        """An element ends. Raises Problem."""
        if not self._open:
            return
        block = self._open[-1]
        if level == block.level:
            self._open.pop()
            self._pieces, self._length = block.outer_pieces, block.outer_length
        elif level == block.level + 2 and self._pieces is not None:
            _keep(block, local_name(tag), self.collected())

    def text(self, piece: str) -> None:
        """A piece of text. What is too long for any value is not kept in full."""
        if self._pieces is not None and self._length <= MAX_VALUE:
            self._pieces.append(piece)
            self._length += len(piece)

    def collect(self) -> None:
        """Collect the text from here on."""
        self._pieces, self._length = [], 0

    def collected(self) -> str:
        """The text since `collect`; at most a piece longer than MAX_VALUE characters."""
        text = "".join(self._pieces or ())
        self._pieces = None
        return text

    def stop(self) -> None:
        """Forget everything: the form has a problem."""
        self._cases, self._open, self._pieces = {}, [], None

    def merged(self) -> tuple[CaseBlock, ...]:
        """What was said about each case, in the order in which the cases first appeared."""
        return tuple(case.block() for case in self._cases.values())

    def _begin(self, namespace: str, attributes: Mapping[str, str], level: int) -> None:
        case_id = attributes["case_id"]
        if not case_id:
            raise Problem("A case block has an empty case_id.")
        if not valid_id(case_id):
            raise Problem(
                f"The case_id “{shorten(case_id)}” is not allowed: ids are 1 to 255 printable"
                " characters without white space."
            )
        if namespace != CASE_XMLNS:
            raise Problem(
                f"Case {case_id}: its block is in the namespace “{shorten(namespace)}”; only"
                f" {CASE_XMLNS} is understood."
            )
        case = self._cases.get(case_id)
        if case is None:
            if len(self._cases) == MAX_CASES:
                raise Problem(
                    f"The form is about more than {MAX_CASES:,} cases. Send it in several forms."
                )
            case = self._cases[case_id] = _Merged(case_id)
        user = attributes.get("user_id")
        if user:
            case.user = _fitting(user, case_id, "user_id")
            case.opener = case.opener or user
        modified = attributes.get("date_modified")
        if modified and not modified.isspace():
            case.date_modified = _time(modified, case_id, "date_modified")
        self._open.append(_Open(case, level, self._pieces, self._length))
        self._pieces = None

    def _inside(self, block: _Open, tag: str, attributes: Mapping[str, str], level: int) -> None:
        """An element inside a block: an action, or in it a value. Deeper ones only add text.

        Their namespace does not matter: some tools leave it out, some write it as a prefix.
        """
        if level == block.level + 1:
            block.action = local_name(tag)
            if block.action == "close":
                block.case.closes = True
        elif level == block.level + 2 and block.action in _WITH_VALUES:
            self.collect()
            if block.action == "index":
                self._count_index()
                block.case_type = attributes.get("case_type", "")
                block.relationship = attributes.get("relationship") or "child"

    def _count_index(self) -> None:
        self._indexes += 1
        if self._indexes > MAX_INDEXES:
            raise Problem(
                f"The form has more than {MAX_INDEXES:,} indexes. Send it in several forms."
            )


class _Merged:
    """The blocks of one case so far. Creates are apart, for updates win over them (SPEC S8).

    Half of the time of a form with many cases goes into making these: no dataclass, for its
    default factories cost more than all the rest, and dicts only where there is something for them.
    """

    __slots__ = (
        "case_id",
        "closes",
        "created",
        "date_modified",
        "indices",
        "opener",
        "properties",
        "updated",
        "user",
    )

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id
        self.opener: str | None = None
        self.user: str | None = None
        self.date_modified: Micros | None = None
        self.created: dict[str, str] | None = None
        self.updated: dict[str, str] | None = None
        self.properties: dict[str, str] | None = None
        self.indices: dict[str, IndexChange] | None = None
        self.closes = False

    def block(self) -> CaseBlock:
        given = {**(self.created or {}), **(self.updated or {})}
        opened = given.pop("date_opened", None)
        return CaseBlock(
            case_id=self.case_id,
            opener=self.opener,
            user=self.user,
            date_modified=self.date_modified,
            given=given,
            date_opened=None if opened is None else parse_time(opened),
            properties=self.properties or {},
            indices=tuple(self.indices.values()) if self.indices else (),
            closes=self.closes,
        )


class _Open:
    """A block whose end has not come: its case, where it began, what is being read in it."""

    __slots__ = (
        "action",
        "case",
        "case_type",
        "level",
        "outer_length",
        "outer_pieces",
        "relationship",
    )

    def __init__(
        self, case: _Merged, level: int, outer_pieces: list[str] | None, outer_length: int
    ) -> None:
        self.case = case
        self.level = level
        self.outer_pieces = outer_pieces
        self.outer_length = outer_length
        self.action = self.case_type = self.relationship = ""


def _keep(block: _Open, name: str, text: str) -> None:
    """Note the value that has just ended."""
    case, action = block.case, block.action
    if action == "index":
        if case.indices is None:
            case.indices = {}
        case.indices[name] = _index(block, name, text)
    elif name in RESERVED:
        _keep_reserved(case, RESERVED[name], text, created=action == "create")
    elif action == "update" and name not in NEVER_PROPERTIES:
        _fitting(name, case.case_id, "name of a property")
        if len(text) > MAX_VALUE or len(text.encode()) > MAX_VALUE:
            raise Problem(f"Case {case.case_id}: the property “{name}” holds more than 32 kB.")
        if case.properties is None:
            case.properties = {}
        case.properties[name] = text


def _keep_reserved(case: _Merged, key: str, text: str, *, created: bool) -> None:
    if key == "date_opened":
        text = text.strip(XML_SPACE)
        if text:
            _time(text, case.case_id, key)
    if not text and key in _NEVER_EMPTY:
        return
    _fitting(text, case.case_id, key)
    if created:
        case.created = {**(case.created or {}), key: text}
    else:
        case.updated = {**(case.updated or {}), key: text}


def _index(block: _Open, identifier: str, text: str) -> IndexChange:
    case_id = block.case.case_id
    _fitting(identifier, case_id, "identifier of an index")
    target = text.strip(XML_SPACE)  # ids have no white space, but printed XML has it everywhere
    if target and not valid_id(target):
        raise Problem(
            f"Case {case_id}: the index “{identifier}” points to “{shorten(target)}”, which cannot"
            " be the id of a case."
        )
    if target == case_id:
        raise Problem(f"Case {case_id}: the index “{identifier}” points to the case itself.")
    if block.relationship not in RELATIONSHIPS:
        raise Problem(
            f"Case {case_id}: the index “{identifier}” has the unknown relationship"
            f" “{shorten(block.relationship)}”. It must be child or extension."
        )
    case_type = _fitting(block.case_type, case_id, f"case_type of the index “{identifier}”")
    return IndexChange(identifier, target, case_type, block.relationship)


def _fitting(text: str, case_id: str, what: str) -> str:
    if len(text) > MAX_COLUMN:
        raise Problem(f"Case {case_id}: the {what} is longer than {MAX_COLUMN} characters.")
    return text


def _time(text: str, case_id: str, what: str) -> Micros:
    try:
        return parse_time(text)
    except ValueError:
        raise Problem(
            f"Case {case_id}: the {what} “{shorten(text)}” is not a date or time."
        ) from None
