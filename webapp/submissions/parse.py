"""From the bytes of a form to what it says about cases, or a sentence why it says nothing.

Pure: no database, no clock, no setting. What needs the database (does the project know the target
of an index?) is left to the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.submissions.block_reader import BlockReader
from webapp.submissions.blocks import (
    MAX_COLUMN,
    CaseBlock,
    IndexChange,
    Problem,
    shorten,
    valid_id,
)
from webapp.submissions.dates import parse_time
from webapp.submissions.xml import (
    XML_SPACE,
    NotAForm,
    Reader,
    local_name,
    namespace_of,
    read_xml,
)

__all__ = [
    "CaseBlock",
    "IndexChange",
    "Meta",
    "NotAForm",
    "ParsedForm",
    "parse",
    "parse_time",
    "valid_id",
]

_IN_DEVICE_REPORT = "{http://code.javarosa.org/devicereport}"
#: Namespaces of the metadata block. It is accepted in any, but one of these is preferred.
_OPENROSA = ("http://openrosa.org/jr/xforms", "http://openrosa.org/xforms")

_META_NAMES = {
    "instanceID": "instance_id",
    "userID": "user_id",
    "username": "username",
    "deviceID": "device_id",
    "timeStart": "time_start",
    "timeEnd": "time_end",
    "appVersion": "app_version",
}
#: Names of the metadata block that are kept in columns which must not cut them.
_META_COLUMNS = {"user_id": "userID", "username": "username", "device_id": "deviceID"}


@dataclass(frozen=True, slots=True)
class Meta:
    """The metadata block: what was given, without white space around it; None where nothing was.

    `instance_id` is without its `uuid:` prefix, and None where SPEC S3 refuses it.
    """

    instance_id: str | None = None
    user_id: str | None = None
    username: str | None = None
    device_id: str | None = None
    time_start: str | None = None
    time_end: str | None = None
    app_version: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedForm:
    """A form that could be read.

    `root`, `name`, `version` and `ui_version` are the name and attributes of the root element.
    `blocks` has one entry for each case, in the order in which they first appear; it is empty when
    `problem` is set, and for a device report. `problem` is the sentence of SPEC S10 why the form
    must not be applied.
    """

    xmlns: str
    root: str
    name: str | None
    version: str | None
    ui_version: str | None
    meta: Meta
    blocks: tuple[CaseBlock, ...]
    problem: str | None


def parse(xml: bytes) -> ParsedForm:
    """Read a form (SPEC S3, S7–S11).

    Raises NotAForm, with a sentence, when it is no form at all. What is a form but must not be
    applied comes back with a `problem`: the first one in the document. Some 3 µs an element.
    """
    reader = _FormReader()
    read_xml(xml, reader)
    return reader.form()


class _FormReader(Reader):
    """Keeps the metadata and the case blocks of a document, and nothing else of it."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks = BlockReader()
        self.data = self._blocks.text  # type: ignore[method-assign]  # one call less for each piece
        self._root = ""
        self._attributes: Mapping[str, str] = {}
        self._problem: str | None = None
        #: The level of the device report that is being skipped.
        self._skipping: int | None = None
        self._in_meta = False
        self._meta: dict[str, str] | None = None
        self._meta_is_openrosa = False

    def opened(self, tag: str, attributes: Mapping[str, str], level: int) -> None:
        if self._skipping is not None:
            if self._skipping == 1:
                self._look_for_meta(tag, level)
            return
        if level == 1:
            self._begin(tag, attributes)
        if tag.startswith(_IN_DEVICE_REPORT):
            self._skipping = level
            return
        if level <= 3:
            self._look_for_meta(tag, level)
        if self._problem is None:
            try:
                self._blocks.opened(tag, attributes, level)
            except Problem as problem:
                self._stop(problem.message)

    def closed(self, tag: str, level: int) -> None:
        if self._skipping is not None:
            if self._skipping == 1:
                self._end_meta(tag, level)
            if level == self._skipping:
                self._skipping = None
            return
        if self._problem is None:
            try:
                self._blocks.closed(tag, level)
            except Problem as problem:
                self._stop(problem.message)
        if level <= 3:
            self._end_meta(tag, level)

    def form(self) -> ParsedForm:
        """What was read, once all of the document has been."""
        namespace = namespace_of(self._root)
        meta, meta_problem = _meta(self._meta or {})
        problem = self._problem or meta_problem
        if len(namespace) > MAX_COLUMN:
            problem = f"The form's namespace (xmlns) is longer than {MAX_COLUMN} characters."
        return ParsedForm(
            xmlns=namespace,
            root=local_name(self._root),
            name=self._attributes.get("name"),
            version=self._attributes.get("version"),
            ui_version=self._attributes.get("uiVersion"),
            meta=meta,
            blocks=() if problem else self._blocks.merged(),
            problem=problem,
        )

    def _begin(self, tag: str, attributes: Mapping[str, str]) -> None:
        if not namespace_of(tag).strip():
            raise NotAForm(
                "The root element of the XML has no namespace (xmlns), so this is not a form."
            )
        self._root = tag
        self._attributes = {
            key: attributes[key] for key in ("name", "version", "uiVersion") if key in attributes
        }

    def _look_for_meta(self, tag: str, level: int) -> None:
        """The metadata block, which a device report has as well: its id tells a repeat."""
        if level == 2 and local_name(tag) == "meta":
            self._begin_meta(tag)
        elif level == 3 and self._in_meta:
            self._blocks.collect()

    def _end_meta(self, tag: str, level: int) -> None:
        if self._in_meta and level == 3:
            self._keep_meta(local_name(tag))
        elif level == 2:
            self._in_meta = False

    def _begin_meta(self, tag: str) -> None:
        """The first metadata block counts, unless one in OpenRosa's own namespace follows."""
        openrosa = namespace_of(tag) in _OPENROSA
        self._in_meta = True
        self._kept: dict[str, str] = {}
        if self._meta is None or (openrosa and not self._meta_is_openrosa):
            self._meta, self._meta_is_openrosa = self._kept, openrosa

    def _keep_meta(self, name: str) -> None:
        text = self._blocks.collected().strip(XML_SPACE)
        key = _META_NAMES.get(name)
        if key is not None and text:
            self._kept[key] = text

    def _stop(self, problem: str) -> None:
        self._problem = problem
        self._blocks.stop()


def _meta(given: Mapping[str, str]) -> tuple[Meta, str | None]:
    """The metadata, and what is wrong with it."""
    meta = dict(given)
    problem = None
    for key, name in _META_COLUMNS.items():
        if len(meta.get(key, "")) > MAX_COLUMN:
            problem = problem or f"The form's {name} is longer than {MAX_COLUMN} characters."
    instance_id = meta.pop("instance_id", "").removeprefix("uuid:")
    if instance_id and not valid_id(instance_id):
        problem = (
            f"The form's instanceID “{shorten(instance_id)}” is not allowed: ids are 1 to 255"
            " printable characters without white space."
        )
        instance_id = ""
    return Meta(instance_id=instance_id or None, **meta), problem
