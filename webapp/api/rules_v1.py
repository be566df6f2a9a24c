"""Rules over HTTP, for machines (SPEC I7): list, make, change, preview, explain, run."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.api.asked import (
    as_of,
    json_object,
    one_of,
    parameters,
    run_asked,
    texts_in_body,
    window,
)
from webapp.api.routes import InvalidFields, api_route, say_which_fields
from webapp.audit.actor import Actor
from webapp.clock import now
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.documents import (
    explanation_document,
    preview_document,
    run_document,
)
from webapp.rules.explain_case import explain_case
from webapp.rules.held import ended, held_of
from webapp.rules.lists import count, rules_of
from webapp.rules.models import RuleState, Trigger
from webapp.rules.moment import moment_at
from webapp.rules.operations import create_rule, delete_rule, edit_rule, set_state
from webapp.rules.outlook import MustConfirm, confirmed_changes, outlook
from webapp.rules.portable import RuleData, rule_from_json
from webapp.rules.preview import preview
from webapp.rules.queries import data_of, definition_of, get_rule, version_of
from webapp.rules.rule_documents import EXTRA, rule_document, rule_documents
from webapp.rules.runs import start_run, wake_run
from webapp.rules.warnings import warnings_about

rules_v1 = Blueprint("rules_v1", __name__, url_prefix="/a/<project_name>/api/rules/v1")
say_which_fields(rules_v1)


@rules_v1.errorhandler(MustConfirm)
def say_the_number(error: MustConfirm) -> ResponseReturnValue:
    """409, with what must be confirmed (SPEC R22)."""
    return jsonify(
        error=error.message, confirm_changes=error.changes, open_cases=error.open_cases
    ), 409


@rules_v1.get("/")
@api_route(Right.VIEW)
def index(project: Project, by: Actor) -> ResponseReturnValue:  # noqa: ARG001  all views take both
    """The rules, in the order in which they run; by `name` (a part of it), `case_type`, `state`."""
    given = parameters("limit", "offset", "name", "case_type", "state")
    part = window(given)
    state = one_of(RuleState, "state", given)
    session = db.session()
    found = rules_of(
        project.id, name=given.get("name"), case_type=given.get("case_type"), state=state
    )
    rules = session.scalars(found.limit(part.limit).offset(part.offset)).all()
    return part.answer(count(session, found), rule_documents(session, project.id, rules))


@rules_v1.post("/")
@api_route(Right.EDIT_DATA)
def create(project: Project, by: Actor) -> ResponseReturnValue:
    """Make a rule, in the state that it gives (else a draft): 201."""
    parameters()
    data, _sent = _rule_sent()
    with write_transaction() as session:
        rule = create_rule(session, project.id, data, by=by, state=data.state or RuleState.DRAFT)
        document = rule_document(session, rule)
    answer = jsonify(document)
    answer.status_code = 201
    answer.headers["Location"] = url_for(".show", project_name=project.name, rule_id=document["id"])
    return answer


@rules_v1.get("/<rule_id>/")
@api_route(Right.VIEW)
def show(project: Project, by: Actor, rule_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """One rule."""
    parameters()
    session = db.session()
    return jsonify(rule_document(session, get_rule(session, project.id, rule_id)))


@rules_v1.put("/<rule_id>/")
@api_route(Right.EDIT_DATA)
def replace(project: Project, by: Actor, rule_id: str) -> ResponseReturnValue:
    """Give a rule another definition, and the state if one is given. With `version`, 409 when
    somebody has made a newer one since."""
    parameters()
    data, sent = _rule_sent()
    if sent.get("id", rule_id) != rule_id:
        raise InvalidFields({"id": "This is another rule than the one in the address."})
    with write_transaction() as session:
        waiting = held_of(session, get_rule(session, project.id, rule_id))
        rule = edit_rule(session, project.id, rule_id, data, by=by, based_on=_version(sent))
        if data.state is not None:
            rule = set_state(session, project.id, rule_id, data.state, by=by)
        return _saying(ended(waiting), jsonify(rule_document(session, rule)))


@rules_v1.delete("/<rule_id>/")
@api_route(Right.EDIT_DATA)
def delete(project: Project, by: Actor, rule_id: str) -> ResponseReturnValue:
    """Hide a rule; it never runs again. Its runs and forms stay: 204."""
    parameters()
    with write_transaction() as session:
        waiting = held_of(session, get_rule(session, project.id, rule_id))
        delete_rule(session, project.id, rule_id, by=by)
        return _saying(ended(waiting), Response(status=204))


@rules_v1.post("/<rule_id>/activate/", endpoint="activate", defaults={"state": RuleState.ACTIVE})
@rules_v1.post(
    "/<rule_id>/deactivate/", endpoint="deactivate", defaults={"state": RuleState.INACTIVE}
)
@api_route(Right.EDIT_DATA)
def change_state(
    project: Project, by: Actor, rule_id: str, state: RuleState
) -> ResponseReturnValue:
    """Switch a rule on or off. A second time changes nothing."""
    parameters()
    texts_in_body()
    with write_transaction() as session:
        waiting = held_of(session, get_rule(session, project.id, rule_id))
        rule = set_state(session, project.id, rule_id, state, by=by)
        return _saying(ended(waiting), jsonify(rule_document(session, rule)))


@rules_v1.post("/preview/")
@api_route(Right.VIEW)
def preview_unsaved(project: Project, by: Actor) -> ResponseReturnValue:  # noqa: ARG001
    """What a rule that is not saved would do. It writes nothing, so reading is enough."""
    given = parameters("as_of")
    data, _sent = _rule_sent()
    return _preview(db.session(), project, "", data, given.get("as_of"))


@rules_v1.post("/<rule_id>/preview/")
@api_route(Right.VIEW)
def preview_saved(project: Project, by: Actor, rule_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """What a rule would do now."""
    given, sent = parameters("as_of"), texts_in_body("as_of")
    session = db.session()
    rule = get_rule(session, project.id, rule_id)
    data = data_of(version_of(session, rule, rule.version))
    return _preview(session, project, rule_id, data, given.get("as_of"), sent.get("as_of"))


@rules_v1.get("/<rule_id>/explain/")
@api_route(Right.VIEW)
def explain(project: Project, by: Actor, rule_id: str) -> ResponseReturnValue:  # noqa: ARG001
    """Why a rule matches a case or not, and what it would do to it."""
    given = parameters("case_id", "as_of")
    if "case_id" not in given:
        raise InvalidFields({"case_id": "Say which case."})
    session = db.session()
    definition = definition_of(session, get_rule(session, project.id, rule_id))
    instant = as_of(project, given.get("as_of"))
    moment = moment_at(now() if instant is None else instant, project.timezone)
    explained = explain_case(session, project.id, definition, given["case_id"], moment)
    return jsonify(explanation_document(explained, instant))


@rules_v1.post("/<rule_id>/runs/")
@api_route(Right.EDIT_DATA)
def run(project: Project, by: Actor, rule_id: str) -> ResponseReturnValue:
    """Queue a run of the saved version: 202 with the run, which a worker then does. One that is
    over its brake needs the number of its changes (`confirm_changes`): 409 with that number."""
    given, sent = parameters("as_of"), run_asked()
    instant = as_of(project, given.get("as_of"), sent.as_of)
    reading = db.session()
    confirmed = confirmed_changes(
        reading,
        project,
        get_rule(reading, project.id, rule_id),
        given=sent.confirm_changes,
        as_of=instant,
    )
    with write_transaction() as session:
        rule = get_rule(session, project.id, rule_id)
        queued = start_run(
            session,
            project.id,
            rule,
            trigger=Trigger.API,
            by=by,
            as_of=instant,
            confirmed=confirmed,
        )
        document = run_document(session, queued)
    wake_run(session, queued)
    answer = jsonify(document)
    answer.status_code = 202
    answer.headers["Location"] = url_for(
        "runs_v1.show", project_name=project.name, run_id=document["id"]
    )
    return answer


def _saying(over: list[int], answer: Response) -> Response:
    """The answer, with the numbers of the runs that waited for a decision and ended without one. In
    a header: the names in a rule's document are fixed, and it is nothing that the rule has."""
    if over:
        answer.headers["Casekeeper-Ended-Runs"] = ", ".join(map(str, over))
    return answer


def _preview(
    session: Session, project: Project, rule_id: str, data: RuleData, *given: str | None
) -> Response:
    instant = as_of(project, *given)
    moment = moment_at(now() if instant is None else instant, project.timezone)
    found = preview(session, project.id, data.definition, moment)
    ahead = outlook(session, project, data, found)
    warnings = warnings_about(session, project.id, data.definition, rule_id=rule_id)
    return jsonify(preview_document(data.definition, found, ahead, warnings, instant))


def _rule_sent() -> tuple[RuleData, dict[str, Any]]:
    """The rule in the body, and the body. Raises `InvalidRule` with the paths of what is wrong."""
    sent = json_object()
    return rule_from_json({name: sent[name] for name in sent if name not in EXTRA}), sent


def _version(sent: dict[str, Any]) -> int | None:
    version = sent.get("version")
    if version is None:
        return None
    if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 2**31:
        raise InvalidFields({"version": "Must be the number of the version that was changed."})
    return version
