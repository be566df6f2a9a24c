"""Which id and place in history an arriving form gets: the table of SPEC S6."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    String,
    bindparam,
    cast,
    func,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from webapp.clock import Micros
from webapp.dictionary.models import Sharing
from webapp.dictionary.queries import sharing_of, types_with_sharing
from webapp.submissions.ids import new_id
from webapp.submissions.models import State, Submission, SubmissionXml
from webapp.submissions.queries import is_content_of, known_as
from webapp.submissions.rule_forms import is_rule_form, sha256_of

#: States of a version that is or was in force, which an identical form repeats.
_ACCEPTED = (State.NORMAL, State.ARCHIVED, State.DEPRECATED)
#: States of the version in force.
_IN_FORCE = (State.NORMAL, State.ARCHIVED)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an arriving form goes.

    At most one of `repeats` (it is an exact duplicate of that one, which was applied, or could not
    be and is older than the version in force), `replaces` (it is an edit of that one) and
    `sets_aside` (that one was never applied and leaves its id) is set. `failed_before` is an
    identical form that could not be applied.

    `sharing` has nothing to do with it but is read along, which costs nothing: those of the form's
    case types whose new cases are shared or private (SPEC C4).
    """

    submission_id: str
    asked_id: str | None = None
    repeats: Submission | None = None
    replaces: Submission | None = None
    sets_aside: Submission | None = None
    failed_before: Submission | None = None
    sharing: Mapping[str, Sharing] = field(default_factory=dict)

    @property
    def given_instead_of(self) -> str | None:
        """The id asked for, where another one is given."""
        return self.asked_id if self.asked_id != self.submission_id else None


_ASKED = known_as(bindparam("project_id"), [bindparam("asked_id")])
_ANY = select(Submission.id).where(_ASKED)
#: The same, as a row without a name if there is any, and the types with sharing.
_ANY_AND_SHARING = union_all(
    select(cast(null(), String), cast(null(), String)).where(_ANY.exists()),
    types_with_sharing(bindparam("project_id"), bindparam("types", expanding=True)),
)
_VERSIONS = (
    select(Submission, SubmissionXml.sha256)
    .outerjoin(SubmissionXml, is_content_of(SubmissionXml, Submission))
    .where(_ASKED)
    # A sum, or SQLite would read all forms of the project because an index has that order.
    .order_by(Submission.id + 0)
    .with_for_update(of=Submission, key_share=True)
)


def find_place(
    session: Session,
    project_id: int,
    asked_id: str | None,
    *,
    xmlns: str,
    sha256: str,
    types: Collection[str] = (),
) -> Place:
    """Decide the place of a form that asks for `asked_id`, has this xmlns and these bytes, and
    names these case `types`.

    The caller holds the name lock of the id; the versions found are locked here. One query for an
    id that is new, else two, and one more where a rule wrote the form of this id.
    """
    if asked_id is None:
        sharing = sharing_of(session, project_id, types) if types else {}
        return Place(new_id(), sharing=sharing)
    wanted = {"project_id": project_id, "asked_id": asked_id}
    connection = session.connection()
    if not types:
        is_known = connection.execute(_ANY, wanted).first() is not None
        sharing = {}
    else:
        found = connection.execute(_ANY_AND_SHARING, {**wanted, "types": list(types)}).all()
        sharing = {name: Sharing(kind) for name, kind in found if name is not None}
        is_known = len(found) > len(sharing)
    if not is_known:
        return Place(asked_id, sharing=sharing)
    place = _place_of_known(session, wanted, xmlns=xmlns, sha256=sha256)
    return replace(place, sharing=sharing)


def _place_of_known(
    session: Session, wanted: Mapping[str, Any], *, xmlns: str, sha256: str
) -> Place:
    asked_id = wanted["asked_id"]
    found = session.execute(_VERSIONS, wanted).all()
    identical = [
        version
        for version, stored in found
        if (sha256_of(session, version) if is_rule_form(version) else stored) == sha256
    ]
    for version in identical:
        # A version that never was applied keeps its problem, also when a newer one set it aside.
        if version.state in _ACCEPTED and version.problem is None:
            return Place(new_id(), asked_id, repeats=version)
    failed = next((one for one in identical if one.problem is not None), None)
    versions = [version for version, _ in found]
    for version in versions:
        if version.state in _IN_FORCE and version.xmlns == xmlns and not version.own:
            if failed is not None and first_came(session, version) > failed.received_on:
                return Place(new_id(), asked_id, repeats=failed)
            return Place(version.submission_id, asked_id, replaces=version, failed_before=failed)
    holder = next((one for one in versions if one.submission_id == asked_id), None)
    if holder is None:
        return Place(asked_id, failed_before=failed)
    if holder.state == State.ERROR and holder.xmlns == xmlns:
        return Place(asked_id, sets_aside=holder, failed_before=failed)
    return Place(new_id(), asked_id, failed_before=failed)


def first_came(session: Session, in_force: Submission) -> Micros:
    """When the version in force came for the first time. It may have failed then, and been sent
    again: what came between the two is newer, and may be sent or processed again as well. One
    query."""
    ids = [one for one in (in_force.submission_id, in_force.asked_id) if one is not None]
    its, failed = aliased(SubmissionXml), SubmissionXml
    before = session.scalar(
        select(func.min(Submission.received_on))
        .join(failed, is_content_of(failed, Submission))
        .join(its, its.sha256 == failed.sha256)
        .where(its.project_id == in_force.project_id, its.submission == in_force.id)
        .where(known_as(in_force.project_id, ids), Submission.problem.is_not(None))
    )
    return in_force.arrived_on if before is None else min(before, in_force.arrived_on)
