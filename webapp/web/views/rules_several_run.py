"""Running several rules at once, by hand, from the list (SPEC R24, R30)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from webapp.database import write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules.models import Rule, RuleState, Run, Trigger
from webapp.rules.outlook import MustConfirm, confirmed_changes, outlook
from webapp.rules.queries import all_data_of
from webapp.rules.runs import start_run, wake_run
from webapp.web.access import project_route
from webapp.web.formatting import number
from webapp.web.rule_preview import Shown, preview_of
from webapp.web.views.rules import rules
from webapp.web.views.rules_several import PATIENCE_S, chosen_rules, nothing_chosen


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule that is to be run: what it would change now (None: there was no time to count), and
    why it is not run with the others, if so."""

    rule: Rule
    shown: Shown | None = None
    refused: str = ""


@rules.post("/a/<project_name>/rules/several/run")
@project_route(Right.EDIT_DATA)
def several_run(project: Project) -> ResponseReturnValue:
    """What each rule would change now, and which are not run; with `sure`, queue the others in
    their order."""
    reading = db.session()
    chosen = chosen_rules(reading, project)
    if not chosen:
        return nothing_chosen()
    if not request.form.get("sure"):
        asked = _asked(reading, project, chosen)
        return render_template(
            "rules/several_run.html",
            project=project,
            asked=asked,
            rules=[one.rule for one in asked if not one.refused],
        )
    over = _over_brake(reading, project, chosen)
    queued, refused = [], list(over.values())
    with write_transaction() as session:
        for rule in chosen_rules(session, project):
            if rule.rule_id in over:
                continue
            try:
                queued.append(_start(session, project, rule))
            except Refused as error:
                refused.append(_not_queued(rule.name, error.message))
    for run in queued:
        wake_run(db.session(), run)
    if queued:
        flash(_runs_are_queued(len(queued)))
    for sentence in refused:
        flash(sentence)
    return redirect(url_for("runs.index"), 303)


def _start(session: Session, project: Project, rule: Rule) -> Run:
    return start_run(session, project.id, rule, trigger=Trigger.PERSON, by=g.actor)


def _asked(session: Session, project: Project, chosen: Sequence[Rule]) -> list[Asked]:
    """What each would change now, as far as there is time."""
    until = time.monotonic() + PATIENCE_S
    all_data = all_data_of(session, project.id, [rule.id for rule in chosen])
    found = []
    for rule in chosen:
        if rule.state is RuleState.DRAFT:
            found.append(Asked(rule, refused=_("It is a draft: switch it on, or off, first.")))
        elif time.monotonic() > until:
            found.append(Asked(rule))
        else:
            data = all_data[rule.id]
            shown, refused = preview_of(session, project, data, rule_id=rule.rule_id), ""
            holds = shown.found and outlook(session, project, data, shown.found).holds
            if holds and rule.state is not RuleState.WATCHING:
                refused = _("It is over its brake: run it by itself to confirm the number.")
            found.append(Asked(rule, shown, refused))
    return found


def _over_brake(session: Session, project: Project, chosen: Sequence[Rule]) -> dict[str, str]:
    """Those of the rules, by their ids, of which the number must be confirmed by now, with the
    sentence that says so. As far as there is time: those after that are held where they are over
    their brake."""
    until, found = time.monotonic() + PATIENCE_S, {}
    for rule in chosen:
        if time.monotonic() > until:
            break
        try:
            confirmed_changes(session, project, rule, given=None)
        except MustConfirm as must:
            found[rule.rule_id] = _not_queued(rule.name, must.message)
    return found


def _not_queued(name: str, why: str) -> str:
    return str(_("“%(name)s” is not run. %(why)s", name=name, why=why))


def _runs_are_queued(count: int) -> str:
    return ngettext(
        "%(number)s run is queued.",
        "%(number)s runs are queued, one after the other in the order of the list.",
        count,
        number=number(count),
    )
