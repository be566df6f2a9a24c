"""The part of `verify` that reads what came: forms against their transactions, and attachments."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from webapp.cases.apply import Change, change_from_json
from webapp.cases.models import CaseTransaction
from webapp.cases.store import keys_of
from webapp.clock import Tick
from webapp.joins import row_of
from webapp.submissions.attachments import CHUNK, path_of
from webapp.submissions.findings import Finding, What
from webapp.submissions.models import Attachment, State, Submission, SubmissionXml
from webapp.submissions.parse import NotAForm, ParsedForm, parse
from webapp.submissions.queries import is_content_of
from webapp.submissions.resolve import changes_of
from webapp.submissions.rule_forms import is_rule_form, render_rule_forms
from webapp.submissions.snapshot import snapshot

#: Submissions looked at in one snapshot, and the XML of them that is in memory at a time.
BATCH = 200
BYTES = 16_000_000

#: What a submission that points to another may point to, by its own state.
_MAY_REPEAT = {State.NORMAL, State.ARCHIVED, State.DEPRECATED, State.ERROR}
_MAY_POINT = {State.DUPLICATE, State.DEPRECATED}
_IN_FORCE = (State.NORMAL, State.ARCHIVED)

Progress = Callable[[int], None]


def forms_agree(session: Session, project_id: int, progress: Progress) -> Iterator[Finding]:
    """Every submission: its place, its link to another, its bytes, and its transactions."""
    other, other_xml = aliased(Submission), aliased(SubmissionXml)
    after = 0
    while True:
        snapshot(session)
        rows = session.execute(
            select(
                Submission.__table__,
                SubmissionXml.sha256,
                func.length(SubmissionXml.content).label("bytes"),
                other.id.label("other"),
                other.state.label("other_state"),
                other_xml.sha256.label("other_sha256"),
                other.run_id.label("other_run"),
            )
            .outerjoin(SubmissionXml, is_content_of(SubmissionXml, Submission))
            .outerjoin(other, row_of(other, Submission.of, Submission.project_id))
            .outerjoin(other_xml, is_content_of(other_xml, other))
            .where(Submission.project_id == project_id, Submission.id > after)
            .order_by(Submission.id)
            .limit(BATCH)
        ).all()
        if not rows:
            return
        last = session.scalar(select(Tick.last).where(Tick.project_id == project_id)) or 0
        rendered = _hashes_of_rule_forms(session, project_id, rows)
        for row in rows:
            yield from (_form(row, says) for says in _row_is_wrong(row, last, rendered))
        for some in _by_size(rows):
            yield from _contents_agree(session, project_id, some)
        after = rows[-1].id
        progress(len(rows))
        if len(rows) < BATCH:
            return


def _hashes_of_rule_forms(session: Session, project_id: int, rows: Sequence[Any]) -> dict[int, str]:
    """Of the rules' forms of which others are duplicates: the hash of what they say, by key."""
    keys = {row.of for row in rows if row.other_run is not None}
    if not keys:
        return {}
    forms = session.execute(
        select(Submission.__table__).where(
            Submission.project_id == project_id, Submission.id.in_(keys)
        )
    ).all()
    contents = render_rule_forms(session, project_id, forms)
    return {key: hashlib.sha256(content).hexdigest() for key, content in contents.items()}


def _row_is_wrong(row: Any, last: int, rendered: Mapping[int, str]) -> Iterator[str]:
    yield from _ticks_are_wrong(row, last)
    yield from _link_is_wrong(row, rendered)
    if row.state in (State.ERROR, State.UNPARSED):
        if not row.problem:
            yield f"is {row.state.value}, but does not say why."
    elif row.problem is not None and row.state != State.DEPRECATED:
        yield f"is {row.state.value}, but has a problem."
    if is_rule_form(row):
        if row.sha256 is not None:
            yield "is of a rule, but has a stored XML."
    elif row.sha256 is None:
        yield "has no stored XML."


def _ticks_are_wrong(row: Any, last: int) -> Iterator[str]:
    if max(row.received_on, row.indexed_on, row.edited_on or 0) > last:
        yield "has a tick that the project has not given out yet."
    if row.indexed_on < max(row.received_on, row.edited_on or 0):
        yield "changed last before it came, its ticks say."
    if row.edited_on is not None and row.edited_on <= row.received_on:
        yield "is an edit that came before what it replaces, its ticks say."


def _link_is_wrong(row: Any, rendered: Mapping[int, str]) -> Iterator[str]:
    if row.of is None:
        if row.state in _MAY_POINT:
            yield f"is {row.state.value}, but does not say of which form."
    elif row.state not in _MAY_POINT:
        yield f"is {row.state.value}, but points to another form."
    elif row.other is None or row.other == row.id or row.other_state not in _MAY_REPEAT:
        yield f"is {row.state.value} of what cannot be the other form."
    elif row.state == State.DUPLICATE and row.sha256 != rendered.get(row.of, row.other_sha256):
        yield "is a duplicate, but not of the same bytes."


def _contents_agree(session: Session, project_id: int, rows: Sequence[Any]) -> Iterator[Finding]:
    by_key = {row.id: row for row in rows}
    forms: dict[int, ParsedForm] = {}
    contents = session.execute(
        select(SubmissionXml.submission, SubmissionXml.content).where(
            SubmissionXml.project_id == project_id, SubmissionXml.submission.in_(by_key)
        )
    )
    of_rules = [row for row in rows if is_rule_form(row)]
    rendered = render_rule_forms(session, project_id, of_rules)
    for key, content in chain(contents, rendered.items()):
        row = by_key[key]
        if key not in rendered and hashlib.sha256(content).hexdigest() != row.sha256:
            yield _form(row, "is not stored as it came: its bytes have another hash.")
        elif row.state in _IN_FORCE:
            try:
                forms[key] = parse(content)
            except NotAForm:
                yield _form(row, f"is {row.state.value}, but cannot be read as a form.")
    stored: dict[int, dict[int, Change]] = {key: {} for key in by_key}
    transactions = session.execute(
        select(CaseTransaction.submission, CaseTransaction.case, CaseTransaction.change).where(
            CaseTransaction.project_id == project_id, CaseTransaction.submission.in_(forms)
        )
    )
    for key, case, change in transactions:
        stored[key][case] = change_from_json(change)
    ids = {block.case_id for form in forms.values() for block in form.blocks}
    ids |= {
        index.target
        for form in forms.values()
        for block in form.blocks
        for index in block.indices
        if index.target
    }
    keys = keys_of(session, project_id, ids)
    for row in of_rules:
        if len(stored[row.id]) != 1:
            yield _form(row, f"is of a rule, but has {len(stored[row.id])} transactions.")
    for key, form in forms.items():
        row = by_key[key]
        yield from (_form(row, says) for says in _transactions_differ(row, form, keys, stored[key]))


def _transactions_differ(
    row: Any, form: ParsedForm, keys: dict[str, int], stored: dict[int, Change]
) -> Iterator[str]:
    named = {block.case_id for block in form.blocks}
    named |= {index.target for block in form.blocks for index in block.indices if index.target}
    missing = sorted(named - keys.keys())
    if missing:
        yield f"names cases that have no row: {', '.join(missing)}."
        return
    arrived_on = row.received_on if row.edited_on is None else row.edited_on
    asked = changes_of(form, user=row.user_id, arrived_on=arrived_on, keys=keys)
    case_ids = {keys[block.case_id]: block.case_id for block in form.blocks}
    for case, change in asked.items():
        there = stored.get(case)
        if there is None:
            yield f"has no transaction for case {case_ids[case]}."
        # What sharing made of the owner was decided on arrival, by what the project was like then.
        elif replace(there, opened_for=change.opened_for) != change:
            yield f"asks something else of case {case_ids[case]} than its transaction says."
    if stored.keys() - asked.keys():
        yield "has transactions for cases that it does not name."


def _by_size(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The rows in pieces whose XML has `BYTES` at most (or is one form)."""
    some: list[Any] = []
    size = 0
    for row in rows:
        if some and size + (row.bytes or 0) > BYTES:
            yield some
            some, size = [], 0
        some.append(row)
        size += row.bytes or 0
    if some:
        yield some


def attachments_agree(
    session: Session, project_id: int, folder: Path, progress: Progress
) -> Iterator[Finding]:
    """Every attachment's content is there, with its size and hash. Reads each content once."""
    after: tuple[str, int] = ("", 0)
    checked = ""
    size: int | None = None
    while True:
        snapshot(session)
        rows = session.execute(
            select(
                Attachment.id,
                Attachment.name,
                Attachment.size,
                Attachment.sha256,
                Submission.submission_id,
            )
            .outerjoin(
                Submission,
                row_of(Submission, Attachment.submission, Attachment.project_id),
            )
            .where(
                Attachment.project_id == project_id,
                (Attachment.sha256 > after[0])
                | ((Attachment.sha256 == after[0]) & (Attachment.id > after[1])),
            )
            .order_by(Attachment.sha256, Attachment.id)
            .limit(BATCH)
        ).all()
        if not rows:
            return
        session.rollback()  # reading files may take long: let the snapshot go
        for row in rows:
            if row.sha256 != checked:
                checked, size = row.sha256, _size_if_sound(folder, row.sha256)
            if row.submission_id is None:
                yield Finding(
                    What.ATTACHMENT, str(row.id), f"The attachment {row.id} belongs to no form."
                )
            elif size is None:
                yield _attachment(row, "is not in the store, or is not what came.")
            elif size != row.size:
                yield _attachment(row, "has another size than is noted.")
        after = (rows[-1].sha256, rows[-1].id)
        progress(len(rows))


def _size_if_sound(folder: Path, sha256: str) -> int | None:
    """The size of the content with this hash, or None when it is not there or has another."""
    digest, size = hashlib.sha256(), 0
    try:
        with path_of(folder, sha256).open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError:
        return None
    return size if digest.hexdigest() == sha256 else None


def _form(row: Any, says: str) -> Finding:
    return Finding(What.SUBMISSION, row.submission_id, f"The form {row.submission_id} {says}")


def _attachment(row: Any, says: str) -> Finding:
    sentence = f"The attachment “{row.name}” of the form {row.submission_id} {says}"
    return Finding(What.ATTACHMENT, row.submission_id, sentence)
