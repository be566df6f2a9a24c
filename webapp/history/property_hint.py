"""What is known of a property that a rule reads or writes (SPEC U3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.dictionary.learn import MOST
from webapp.dictionary.models import DataType, Property
from webapp.dictionary.queries import properties_of
from webapp.history.property_sample import frequent_values, types_at
from webapp.history.property_use import Read, Use, uses_of
from webapp.rules.likely import LikelyNames
from webapp.rules.references import Reference, parse_reference
from webapp.rules.view import Path

#: Values of such properties say nothing, or something about one person.
_NO_VALUES = frozenset(
    {DataType.DATE, DataType.NUMBER, DataType.PHONE, DataType.PLACE, DataType.BARCODE}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A property as it was typed; read as a text, a `date` or a `number` (`kind`), or written
    (`is_target`), so that it may be a new one."""

    text: str
    kind: str = ""
    is_target: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to say: `entry` is the dictionary's, None where it has none; `use` is None
    where nothing was counted; `values` are the most frequent; `likely` is what may have been meant
    where no case has it."""

    reference: Reference
    case_type: str
    entry: Property | None = None
    use: Use | None = None
    values: tuple[str, ...] = ()
    likely: str = ""
    #: Surely no case ever had it: the dictionary has all names of its type.
    is_new: bool = False


def known_of(
    session: Session, project_id: int, case_type: str, asked: Sequence[Asked], *, limit_s: float
) -> list[Known | None]:
    """What is known of properties, in their order; None for a text that is no reference. Counting
    takes at most `limit_s` seconds (0: only what was counted a moment ago)."""
    references = [_reference(one.text) for one in asked]
    wanted = [
        Read(reference, one.kind)
        for one, reference in zip(asked, references, strict=True)
        if reference is not None and reference.attribute is None
    ]
    if not case_type or not wanted:
        return [None if one is None else Known(one, case_type) for one in references]
    uses = uses_of(session, project_id, case_type, wanted, limit_s=limit_s)
    values = frequent_values(session, project_id, case_type)
    entries: dict[Path, dict[str, Property]] = {}
    for path in {one.reference.path for one in wanted}:
        types = types_at(session, project_id, case_type, path)
        entries[path] = {row.name: row for row in properties_of(session, project_id, *types)}
    likely_names = {
        path: LikelyNames(name for name in there if not there[name].deprecated)
        for path, there in entries.items()
    }
    found: list[Known | None] = []
    for one, reference in zip(asked, references, strict=True):
        if reference is None or reference.attribute is not None:
            found.append(None if reference is None else Known(reference, case_type))
            continue
        there = entries[reference.path]
        entry, use = there.get(reference.name), uses.get(Read(reference, one.kind))
        is_used = entry or (use and use.filled)
        likely = "" if is_used else _likely(one, reference, likely_names[reference.path])
        shown = () if reference.path or _hides(entry) else values.get(reference.name, ())
        is_new = entry is None and not reference.path and len(there) < MOST
        found.append(Known(reference, case_type, entry, use, shown, likely, is_new))
    return found


def _reference(text: str) -> Reference | None:
    try:
        return parse_reference(text.strip())
    except ValueError:
        return None


def _hides(entry: Property | None) -> bool:
    return entry is not None and entry.data_type in _NO_VALUES


def _likely(one: Asked, reference: Reference, names: LikelyNames) -> str:
    likely = names.likely(reference.name, parts=not one.is_target)
    return "/".join((*reference.path, likely)) if likely else ""
