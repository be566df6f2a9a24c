"""The restore document: what a phone reads (SPEC P3).

Written piece by piece as text. Whatever a case holds, the document can be read: one that cannot
would keep the worker from all of their cases. So a property or an index whose name no element can
have is left out (the API and the importer can make such), and a character that XML does not have
is replaced.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast
from xml.sax.saxutils import escape, quoteattr

from sqlalchemy import ColumnElement, FromClause, Row, func, join, select, true
from sqlalchemy.orm import Session, aliased

from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.clock import Micros, iso, to_datetime
from webapp.people.owner_sets import OwnerSet
from webapp.sharing.among import is_among
from webapp.submissions.blocks import CASE_XMLNS, NEVER_PROPERTIES, RESERVED
from webapp.submissions.render import can_be_name

#: The owner of a case that has none: a phone ends its synchronization at an empty one.
NOBODY = "-"

#: So many cases are in memory at a time.
AT_A_TIME = 250

_NOT_TEXT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TO_ESCAPE = re.compile(r"[&<>\r]|" + _NOT_TEXT.pattern)
_PLAIN = re.compile(r"[\w.-]*")
_TAKEN = frozenset(RESERVED) | NEVER_PROPERTIES


def head(items: int | None) -> str:
    """The beginning; `items` is how many elements there will be, if that is asked for."""
    count = "" if items is None else f' items="{items}"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<OpenRosaResponse xmlns="http://openrosa.org/http/response"{count}>'
        '<message nature="ota_restore_success">Successfully restored account!</message>'
    )


#: The elements beside the cases: message, Sync, Registration, fixture.
BESIDE_CASES = 4
TAIL = "</OpenRosaResponse>\n"


def sync_element(token: str) -> str:
    """The restore token."""
    return (
        f'<Sync xmlns="http://commcarehq.org/sync"><restore_id>{_text(token)}</restore_id></Sync>'
    )


def registration(username: str, user_id: str, made_on: Micros, user_data: Mapping[str, str]) -> str:
    """Who the worker is. There is a place for the password, which no phone needs."""
    values = "".join(
        f"<data key={_attribute(key)}>{_text(value)}</data>" for key, value in user_data.items()
    )
    return (
        '<Registration xmlns="http://openrosa.org/user/registration">'
        f"<username>{_text(username)}</username><password/><uuid>{_text(user_id)}</uuid>"
        f"<date>{to_datetime(made_on).date().isoformat()}</date>"
        f"<user_data>{values}</user_data></Registration>"
    )


def user_groups(owners: OwnerSet) -> str:
    """The fixture by which a phone knows whose cases it keeps: sent each time, also when empty."""
    groups = "".join(
        f"<group id={_attribute(one.owner_id)}><name>{_text(one.name)}</name></group>"
        for one in owners.sharing
    )
    return (
        f'<fixture id="user-groups" user_id={_attribute(owners.user_id)}>'
        f"<groups>{groups}</groups></fixture>"
    )


def new_cases(session: Session, project_id: int, keys: Sequence[int]) -> Iterator[str]:
    """Cases that the phone lacks, in full. Two queries for `AT_A_TIME` of them."""
    for some in _pieces(keys):
        indices = _indices(session, project_id, some)
        for case in _cases(session, project_id, some):
            inside = (
                f"<create>{_base(case)}</create>"
                f"<update>{_opened(case)}{_properties(case.properties)}</update>"
                f"{_index(indices[case.id])}"
            )
            yield _block(case, inside, closes=case.closed)


def changed_cases(session: Session, project_id: int, keys: Sequence[int]) -> Iterator[str]:
    """Cases that the phone has, as they are now: every property that any form ever set, those that
    are gone as empty elements, and removed indexes likewise. Of one that is deleted only that it is
    closed, so that the phone drops it. Four queries for `AT_A_TIME` of them."""
    for some in _pieces(keys):
        indices = _indices(session, project_id, some)
        gone_properties = _names(session, project_id, some, "properties")
        gone_indices = _names(session, project_id, some, "indices")
        for case in _cases(session, project_id, some):
            if case.deleted:
                yield _block(case, "", closes=True)
                continue
            gone = dict.fromkeys(sorted(gone_properties[case.id] - case.properties.keys()), "")
            here = indices[case.id]
            known = {identifier for identifier, *_ in here}
            removed = [(name, "", "", "") for name in sorted(gone_indices[case.id] - known)]
            inside = (
                f"<update>{_base(case)}{_opened(case, external_id=True)}"
                f"{_properties({**case.properties, **gone})}</update>"
                f"{_index([*here, *removed])}"
            )
            yield _block(case, inside, closes=case.closed)


_Index = tuple[str, str, str, str]


def _block(case: Row[Any], inside: str, *, closes: bool) -> str:
    moment = case.modified_on if case.modified_on is not None else case.indexed_on
    return (
        f'<case xmlns="{CASE_XMLNS}" case_id={_attribute(case.case_id)}'
        f' date_modified="{iso(moment)}" user_id={_attribute(case.modified_by)}>'
        f"{inside}{'<close/>' if closes else ''}</case>"
    )


def _base(case: Row[Any]) -> str:
    return (
        f"<case_type>{_text(case.type)}</case_type><case_name>{_text(case.name)}</case_name>"
        f"<owner_id>{_text(case.owner_id or NOBODY)}</owner_id>"
    )


def _opened(case: Row[Any], *, external_id: bool = False) -> str:
    """What phones read in an `update`; `external_id` also where there is none."""
    day = (
        ""
        if case.opened_on is None
        else f"<date_opened>{to_datetime(case.opened_on).date().isoformat()}</date_opened>"
    )
    if not (case.external_id or external_id):
        return day
    return f"{day}<external_id>{_text(case.external_id)}</external_id>"


def _properties(properties: Mapping[str, str]) -> str:
    return "".join(
        [
            f"<{name}>{_text(value)}</{name}>"
            for name, value in properties.items()
            if _can_be_property(name)
        ]
    )


def _index(indices: Iterable[_Index]) -> str:
    elements = "".join(
        f"<{name} case_type={_attribute(kind)} relationship={_attribute(how)}>{_text(to)}</{name}>"
        if to
        else f"<{name}/>"
        for name, kind, how, to in indices
        if can_be_name(name)
    )
    return f"<index>{elements}</index>" if elements else ""


@lru_cache(10_000)  # the names of a programme are few, and stand in each of its cases
def _can_be_property(name: str) -> bool:
    return name not in _TAKEN and can_be_name(name)


def _text(text: str) -> str:
    if _TO_ESCAPE.search(text) is None:
        return text
    return escape(_NOT_TEXT.sub("\ufffd", text), {"\r": "&#13;"})


def _attribute(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    return quoteattr(_NOT_TEXT.sub("\ufffd", text))


# Reading, past the session, which would keep what it has given.

_CASE = select(
    Case.id,
    Case.case_id,
    Case.type,
    Case.name,
    Case.owner_id,
    Case.external_id,
    Case.opened_on,
    Case.modified_on,
    Case.modified_by,
    Case.closed,
    Case.deleted,
    Case.indexed_on,
    Case.properties,
)


def _cases(session: Session, project_id: int, keys: Sequence[int]) -> Sequence[Row[Any]]:
    statement = _CASE.where(Case.project_id == project_id, is_among(session, Case.id))
    found = session.connection().execute(statement.order_by(Case.id + 0), {"keys": keys})
    return cast(Sequence[Row[Any]], found.all())


def _indices(session: Session, project_id: int, keys: Sequence[int]) -> Mapping[int, list[_Index]]:
    """Those of these cases that do not point to a deleted one."""
    target = aliased(Case)
    rows = session.connection().execute(
        select(
            CaseIndex.case,
            CaseIndex.identifier,
            CaseIndex.target_type,
            CaseIndex.relationship,
            target.case_id,
        )
        .join(target, target.id == CaseIndex.target)
        .where(
            CaseIndex.project_id == project_id,
            is_among(session, CaseIndex.case),
            target.project_id + 0 == project_id,
            ~target.deleted,
        )
        .order_by(CaseIndex.case + 0, CaseIndex.identifier),
        {"keys": keys},
    )
    found: dict[int, list[_Index]] = defaultdict(list)
    for key, identifier, kind, how, to in rows.all():
        found[key].append((identifier, kind, how, to))
    return found


def _names(
    session: Session, project_id: int, keys: Sequence[int], part: str
) -> Mapping[int, set[str]]:
    """All names that forms about these cases ever gave, live or not, of properties or indices."""
    names, name = _keys_of(session, part)
    rows = session.connection().execute(
        select(CaseTransaction.case, name)
        .select_from(join(CaseTransaction, names, true()))
        .where(CaseTransaction.project_id == project_id, is_among(session, CaseTransaction.case))
        .distinct(),
        {"keys": keys},
    )
    found: dict[int, set[str]] = defaultdict(set)
    for key, given in rows.all():
        found[key].add(given)
    return found


def _keys_of(session: Session, part: str) -> tuple[FromClause, ColumnElement[str]]:
    """The names in a part of a change, a row for each; with the column that has them."""
    if session.get_bind().dialect.name == "postgresql":
        given = func.jsonb_object_keys(CaseTransaction.change[part]).table_valued("key")
        names = given.render_derived()
    else:
        names = func.json_each(CaseTransaction.change, f"$.{part}").table_valued("key")
    return names, names.c.key


def _pieces(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), AT_A_TIME):
        yield keys[start : start + AT_A_TIME]
