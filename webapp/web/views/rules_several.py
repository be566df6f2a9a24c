"""Several rules at once: switched on or off, duplicated, moved, deleted, exported (SPEC R30, UX
"Rule list"); running them is in `rules_several_run`.

The list sends the ids of the rules that were chosen. What is big shows first what it means for each
of them, in a page whose form carries the same ids and `sure`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session

from webapp.clock import now
from webapp.database import write_transaction
from webapp.errors import Invalid
from webapp.extensions import db
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.rules import operations
from webapp.rules.held import ended, held_of
from webapp.rules.models import Rule, RuleState
from webapp.rules.nights import next_runs
from webapp.rules.operations import Outdated
from webapp.rules.preview import Owners
from webapp.rules.queries import Past, all_data_of, pasts_of, rules_among
from webapp.rules.rule_documents import portable_documents
from webapp.web.access import project_route
from webapp.web.formatting import number
from webapp.web.forms.rule import version_number
from webapp.web.rule_preview import Shown, preview_of
from webapp.web.views.rule_state import at_work, stop_if_asked
from webapp.web.views.rules import back_to_list, rules
from webapp.web.waiting import say_ended

#: Rules that are taken at once.
MOST = 1000
#: Counting what rules would change ends after so many seconds: the page must come.
PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True)
class Counted:
    """A rule, and what it would change now; None where there was no time to count."""

    rule: Rule
    shown: Shown | None


@rules.post("/a/<project_name>/rules/several/activate")
@project_route(Right.EDIT_DATA)
def several_on(project: Project) -> ResponseReturnValue:
    """What each rule would change now; with `sure`, switch on the versions that were looked at
    (`version-` and the rule's id). Where another one is in force by now, none is switched on, and
    that is asked again: 409."""
    chosen = chosen_rules(db.session(), project)
    if not chosen:
        return nothing_chosen()
    if not request.form.get("sure"):
        return _whether_on(project, chosen)
    try:
        with write_transaction() as session:
            for rule in chosen_rules(session, project):
                operations.set_state(
                    session,
                    project.id,
                    rule.rule_id,
                    RuleState.ACTIVE,
                    by=g.actor,
                    based_on=_seen(rule),
                )
            following = next_runs(session, project, now())
    except Outdated:
        chosen = chosen_rules(db.session(), project)
        return _whether_on(project, chosen, outdated=True)
    flash(_rules_are_on(len(chosen)))
    if not any(rule.id in following for rule in chosen):
        flash(_("They run only by hand."))
    return back_to_list()


def _whether_on(
    project: Project, chosen: Sequence[Rule], *, outdated: bool = False
) -> ResponseReturnValue:
    off = [rule for rule in chosen if rule.state is not RuleState.ACTIVE]
    return render_template(
        "rules/several_on.html",
        project=project,
        rules=_counted(project, off),
        on_already=len(chosen) - len(off),
        outdated=[rule for rule in off if rule.version != _seen(rule)] if outdated else [],
    ), 409 if outdated else 200


def _seen(rule: Rule) -> int:
    """The version of a rule that was looked at; 0, which none has, where it was not."""
    return version_number(request.form.get(f"version-{rule.rule_id}")) or 0


@rules.post("/a/<project_name>/rules/several/deactivate")
@project_route(Right.EDIT_DATA)
def several_off(project: Project) -> ResponseReturnValue:
    """Switch rules off. While a run of one is at work, `runs` says what becomes of it, as for a
    single rule; without it, that is asked first. So is, unless `sure`, where one waits for a
    decision, which ends."""
    decision = request.form.get("runs", "")
    with write_transaction() as session:
        chosen = chosen_rules(session, project)
        on = [rule for rule in chosen if rule.state in {RuleState.ACTIVE, RuleState.WATCHING}]
        working = at_work(session, *on) if on else []
        waiting = held_of(session, *on) if on else []
        asks = decision not in {"stop", "leave"} and bool(
            working or (waiting and "sure" not in request.form)
        )
        if not asks:
            for rule in on:
                operations.set_state(
                    session, project.id, rule.rule_id, RuleState.INACTIVE, by=g.actor
                )
            stop_if_asked(session, working, decision)
        over = ended(waiting)
    if not chosen:
        return nothing_chosen()
    if asks:
        return render_template(
            "rules/several_off.html", project=project, rules=on, runs=working, waiting=waiting
        )
    if on:
        flash(_rules_are_off(len(on)))
        say_ended(over)
    else:
        flash(_("None of them was on."))
    return back_to_list()


@rules.post("/a/<project_name>/rules/several/delete")
@project_route(Right.EDIT_DATA)
def several_delete(project: Project) -> ResponseReturnValue:
    """What deleting means for each rule; with `sure`, delete them. `runs` as in `several_off`."""
    decision = request.form.get("runs", "")
    with write_transaction() as session:
        chosen = chosen_rules(session, project)
        working = at_work(session, *chosen) if chosen else []
        waiting = held_of(session, *chosen) if chosen else []
        sure = request.form.get("sure") and (not working or decision in {"stop", "leave"})
        if sure:
            for rule in chosen:
                operations.delete_rule(session, project.id, rule.rule_id, by=g.actor)
            stop_if_asked(session, working, decision)
        over = ended(waiting)
    if not chosen:
        return nothing_chosen()
    if not sure:
        pasts = pasts_of(db.session(), project.id, [rule.id for rule in chosen])
        return render_template(
            "rules/several_delete.html",
            project=project,
            rules=[(rule, pasts.get(rule.id, Past())) for rule in chosen],
            runs=working,
            waiting=waiting,
        )
    flash(_rules_are_deleted(len(chosen)))
    say_ended(over)
    return back_to_list()


@rules.post("/a/<project_name>/rules/several/duplicate")
@project_route(Right.EDIT_DATA)
def several_duplicate(project: Project) -> ResponseReturnValue:
    """Make a draft of each that says the same, in their order."""
    with write_transaction() as session:
        chosen = chosen_rules(session, project)
        for rule in chosen:
            operations.duplicate_rule(session, project.id, rule.rule_id, by=g.actor)
    if not chosen:
        return nothing_chosen()
    flash(_copies_are_made(len(chosen)))
    return redirect(url_for("rules.index", state=RuleState.DRAFT.value), 303)


@rules.post("/a/<project_name>/rules/several/up", endpoint="several_up", defaults={"to": "up"})
@rules.post(
    "/a/<project_name>/rules/several/down", endpoint="several_down", defaults={"to": "down"}
)
@project_route(Right.EDIT_DATA)
def several_move(project: Project, to: Literal["up", "down"]) -> ResponseReturnValue:
    """Let each run before the one in front of it, or after the next one."""
    with write_transaction() as session:
        chosen = chosen_rules(session, project)
        ids = {rule.rule_id for rule in chosen}
        moved = operations.move_rules(session, project.id, ids, to, by=g.actor) if ids else 0
    if not chosen:
        return nothing_chosen()
    if moved:
        flash(_run_earlier(moved) if to == "up" else _run_later(moved))
    else:
        flash(_("They are the first already.") if to == "up" else _("They are the last already."))
    return back_to_list(ids)


@rules.post("/a/<project_name>/rules/several/export")
@project_route(Right.VIEW)
def several_export(project: Project) -> ResponseReturnValue:
    """The rules as a file of JSON (SPEC §4.9), which “rules import” takes."""
    session = db.session()
    chosen = chosen_rules(session, project)
    if not chosen:
        return nothing_chosen()
    documents = portable_documents(session, project.id, chosen)
    text = json.dumps(documents, ensure_ascii=False, indent=2) + "\n"
    answer = Response(text, mimetype="application/json")
    answer.headers["Content-Disposition"] = f"attachment; filename=rules-{project.name}.json"
    return answer


def chosen_rules(session: Session, project: Project) -> Sequence[Rule]:
    """The rules that were chosen and are still there, in their order. Raises `Invalid` for too
    many. One query."""
    chosen = set(request.form.getlist("rule"))
    if len(chosen) > MOST:
        raise Invalid(_("Choose at most %(count)s rules at once.", count=number(MOST)))
    return rules_among(session, project.id, chosen)


def _counted(project: Project, chosen: Sequence[Rule]) -> list[Counted]:
    """What each rule would change now, as far as there is time."""
    session, until = db.session(), time.monotonic() + PATIENCE_S
    all_data = all_data_of(session, project.id, [rule.id for rule in chosen])
    found = []
    for rule in chosen:
        late = time.monotonic() > until
        shown = None
        if not late:
            data = all_data[rule.id]
            shown = preview_of(session, project, data, rule_id=rule.rule_id, owners=Owners.YES)
        found.append(Counted(rule, shown))
    return found


def nothing_chosen() -> ResponseReturnValue:
    flash(_("Choose at least one rule first."))
    return back_to_list()


def _rules_are_on(count: int) -> str:
    return ngettext(
        "%(number)s rule is on.", "%(number)s rules are on.", count, number=number(count)
    )


def _rules_are_off(count: int) -> str:
    return ngettext(
        "%(number)s rule is off.", "%(number)s rules are off.", count, number=number(count)
    )


def _copies_are_made(count: int) -> str:
    return ngettext(
        "This is the copy. It is a draft; give it a name of its own.",
        "%(number)s copies are made, the last of these. They are drafts; give them names of their"
        " own.",
        count,
        number=number(count),
    )


def _run_earlier(count: int) -> str:
    return ngettext(
        "%(number)s rule now runs earlier.",
        "%(number)s rules now run earlier.",
        count,
        number=number(count),
    )


def _run_later(count: int) -> str:
    return ngettext(
        "%(number)s rule now runs later.",
        "%(number)s rules now run later.",
        count,
        number=number(count),
    )


def _rules_are_deleted(count: int) -> str:
    return ngettext(
        "%(number)s rule is deleted. It can be brought back: choose the state “Deleted”.",
        "%(number)s rules are deleted. They can be brought back: choose the state “Deleted”.",
        count,
        number=number(count),
    )
