"""What people do to rules. Each leaves an audit event in the same transaction; every edit of what
SPEC R29 names makes a version."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any, Literal

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import Micros, now
from webapp.database import lock_name
from webapp.errors import NotFound, Refused
from webapp.rules.held import expire_held
from webapp.rules.models import Rule, RuleState, RuleVersion
from webapp.rules.portable import LONGEST_NAME, RuleData, rule_from_json
from webapp.rules.queries import get_rule, version_of


class Outdated(Refused):
    """Somebody looked at a version of a rule that is no longer the one in force."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(
            _(
                "This rule was changed in the meantime: version %(number)s is in force now.",
                number=rule.version,
            )
        )


def create_rule(
    session: Session,
    project_id: int,
    data: RuleData,
    *,
    by: Actor,
    state: RuleState = RuleState.DRAFT,
) -> Rule:
    """Make a rule, the last in the order, with its first version."""
    rule = _add(session, project_id, data, state, by)
    _record(session, rule, Tag.RULE_CREATE, by, after={"name": rule.name, "state": state.value})
    return rule


def edit_rule(
    session: Session,
    project_id: int,
    rule_id: str,
    data: RuleData,
    *,
    by: Actor,
    based_on: int | None = None,
) -> Rule:
    """Save what a rule is to say: a new version, if it says anything else than the one in force.

    `based_on` is the version that the editor began from. Raises `NotFound`, or `Outdated` when it
    is no longer the one in force: somebody else saved one in between.
    """
    rule = _hold(session, project_id, rule_id)
    if based_on is not None and based_on != rule.version:
        raise Outdated(rule)
    in_force = version_of(session, rule, rule.version).definition
    if in_force == data.document():
        return rule
    before = {"name": rule.name, "version": rule.version}
    rule.version += 1
    rule.name, rule.case_type = data.definition.name, data.definition.case_type
    if data.schedule != in_force["schedule"] and rule.armed_on is not None:
        rule.armed_on = now()
    _add_version(session, rule, data, by)
    _expire(session, rule, _("The rule was changed."), by)
    _record(
        session,
        rule,
        Tag.RULE_EDIT,
        by,
        after={"name": rule.name, "version": rule.version},
        before=before,
    )
    return rule


def restore_version(
    session: Session,
    project_id: int,
    rule_id: str,
    number: int,
    *,
    by: Actor,
    based_on: int | None = None,
) -> Rule:
    """Let an older version be in force again, as a new one. `based_on` and what it raises are as in
    `edit_rule`."""
    rule = _hold(session, project_id, rule_id)
    data = rule_from_json(version_of(session, rule, number).definition)
    return edit_rule(session, project_id, rule_id, data, by=by, based_on=based_on)


def set_state(
    session: Session,
    project_id: int,
    rule_id: str,
    state: RuleState,
    *,
    by: Actor,
    based_on: int | None = None,
) -> Rule:
    """Make a rule a draft, watching, active or inactive; the same again changes nothing.

    `based_on` is the version that whoever decides has looked at. Raises `NotFound`, or `Outdated`
    when another one would come into that state.
    """
    rule = _hold(session, project_id, rule_id)
    if rule.state is not state:
        if based_on is not None and based_on != rule.version:
            raise Outdated(rule)
        before = {"state": rule.state.value}
        rule.state = state
        rule.armed_on = _armed_on(state)
        if state is not RuleState.ACTIVE:
            _expire(session, rule, _("The rule was switched off."), by)
        _record(session, rule, Tag.RULE_STATE, by, after={"state": state.value}, before=before)
    return rule


def delete_rule(session: Session, project_id: int, rule_id: str, *, by: Actor) -> Rule:
    """Hide a rule and switch it off; its runs and forms stay, and it can be brought back. Raises
    `NotFound`."""
    rule = _hold(session, project_id, rule_id)
    before = {"state": rule.state.value}
    rule.deleted_on = now()
    if rule.state in {RuleState.ACTIVE, RuleState.WATCHING}:
        rule.state = RuleState.INACTIVE
        rule.armed_on = None
    _expire(session, rule, _("The rule was deleted."), by)
    _record(session, rule, Tag.RULE_DELETE, by, after={"name": rule.name}, before=before)
    return rule


def undelete_rule(session: Session, project_id: int, rule_id: str, *, by: Actor) -> Rule:
    """Bring a deleted rule back, as it was but switched off; one that is there stays as it is.
    Raises `NotFound`."""
    rule = _hold(session, project_id, rule_id, deleted=True)
    if rule.deleted_on is not None:
        rule.deleted_on = None
        _record(session, rule, Tag.RULE_UNDELETE, by, after={"name": rule.name})
    return rule


def duplicate_rule(session: Session, project_id: int, rule_id: str, *, by: Actor) -> Rule:
    """Make a draft that says the same under a name of its own. Raises `NotFound`."""
    lock_name(session, "rule order", project_id)  # before the row, as whoever moves rules
    rule = _hold(session, project_id, rule_id)
    document: dict[str, Any] = dict(version_of(session, rule, rule.version).definition)
    name = _("Copy of %(name)s", name=rule.name)
    document["name"] = name[:LONGEST_NAME].rstrip()
    copy = _add(session, project_id, rule_from_json(document), RuleState.DRAFT, by)
    _record(session, copy, Tag.RULE_DUPLICATE, by, after={"name": copy.name, "of": rule.rule_id})
    return copy


def move_rule(
    session: Session,
    project_id: int,
    rule_id: str,
    direction: Literal["up", "down"],
    *,
    by: Actor,
) -> bool:
    """Let a rule change places with its neighbour in the order; whether there is one. Raises
    `NotFound`."""
    get_rule(session, project_id, rule_id)
    return bool(move_rules(session, project_id, [rule_id], direction, by=by))


def move_rules(
    session: Session,
    project_id: int,
    rule_ids: Collection[str],
    direction: Literal["up", "down"],
    *,
    by: Actor,
) -> int:
    """Let rules that are there change places with their neighbours in the order, and keep their
    order among themselves: those at the end already stay. How many moved. Two queries."""
    # Two moves at once would give two rules one place. Whoever writes places holds this lock, so
    # the rows need none: held one after the other, in the order of the list, they could be waited
    # for in a circle with somebody who holds some in another order.
    lock_name(session, "rule order", project_id)
    rules = list(
        session.scalars(
            select(Rule)
            .where(Rule.project_id == project_id, Rule.deleted_on.is_(None))
            .order_by(Rule.position, Rule.id)
            .execution_options(populate_existing=True)
        )
    )
    places = [rule.position for rule in rules]
    if direction == "down":
        rules.reverse()
    moving = {rule.id for rule in rules if rule.rule_id in rule_ids}
    for one in range(1, len(rules)):
        before, rule = rules[one - 1 : one + 1]
        if rule.id in moving and before.id not in moving:
            rules[one - 1 : one + 1] = rule, before
    if direction == "down":
        rules.reverse()
    moved = 0
    for rule, place in zip(rules, places, strict=True):
        if rule.position == place:
            continue
        old, rule.position = rule.position, place
        if rule.id in moving:
            moved += 1
            change = {"before": {"position": old}, "after": {"position": place}}
            _record(session, rule, Tag.RULE_MOVE, by, **change)
    return moved


def _add(session: Session, project_id: int, data: RuleData, state: RuleState, by: Actor) -> Rule:
    lock_name(session, "rule order", project_id)
    last = session.scalar(select(func.max(Rule.position)).where(Rule.project_id == project_id))
    rule = Rule(
        project_id=project_id,
        rule_id=uuid.uuid4().hex,
        name=data.definition.name,
        case_type=data.definition.case_type,
        state=state,
        version=1,
        position=(last or 0) + 1,
        created_on=now(),
        armed_on=_armed_on(state),
    )
    session.add(rule)
    session.flush()  # the version needs its key
    _add_version(session, rule, data, by)
    return rule


def _armed_on(state: RuleState) -> Micros | None:
    """Since when a rule that has just come into a state runs by itself: only slots that are still
    to come are its (R17)."""
    return now() if state in {RuleState.ACTIVE, RuleState.WATCHING} else None


def _add_version(session: Session, rule: Rule, data: RuleData, by: Actor) -> None:
    session.add(
        RuleVersion(
            project_id=rule.project_id,
            rule=rule.id,
            number=rule.version,
            definition=data.document(),
            created_on=now(),
            actor_id=by.user_id,
            actor=by.name,
        )
    )
    session.flush()  # a run may be queued with it in the same transaction


def _hold(session: Session, project_id: int, rule_id: str, *, deleted: bool = False) -> Rule:
    """The rule, locked until the commit."""
    statement = select(Rule).where(Rule.project_id == project_id, Rule.rule_id == rule_id)
    if not deleted:
        statement = statement.where(Rule.deleted_on.is_(None))
    rule = session.scalar(
        statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    if rule is None:
        raise NotFound(_("There is no such rule in this project."))
    return rule


def _expire(session: Session, rule: Rule, why: str, by: Actor) -> None:
    """What the rule held for a decision is no longer what it would do (R22)."""
    expire_held(session, rule.project_id, rule.id, why, by=by)


def _record(
    session: Session,
    rule: Rule,
    tag: Tag,
    by: Actor,
    *,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> None:
    record(
        session,
        project_id=rule.project_id,
        tag=tag,
        subject=f"rule:{rule.rule_id}",
        by=by,
        before=before,
        after=after,
    )
