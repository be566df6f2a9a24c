"""The settings of a project, for its admins (SPEC U10, R17, R20, R22)."""

from __future__ import annotations

from flask import (
    Blueprint,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from webapp.audit.record import record
from webapp.audit.tags import Tag
from webapp.clock import Micros, now
from webapp.database import lock_name, write_transaction
from webapp.errors import Refused
from webapp.extensions import db
from webapp.mail import outbox
from webapp.mail.queries import letters_of
from webapp.people.told import addresses_to_tell, people_to_tell, set_told
from webapp.projects.models import Project
from webapp.projects.operations import set_project
from webapp.projects.rights import Right
from webapp.rules.limits import use_today
from webapp.rules.schedule import Hour, Schedule, next_slot
from webapp.web.access import project_route
from webapp.web.formatting import when
from webapp.web.forms.settings import SettingsForm, offered_zones, settings_form, zone_called
from webapp.web.htmx import is_fragment_request
from webapp.web.settings_changes import last_change, latest_changes
from webapp.web.typed import shown_again_by

settings = Blueprint("settings", __name__)

#: Shows what was typed when a session ended meanwhile.
AGAIN = "settings.show_typed"
#: Changes and mails that the page lists.
SHOWN = 10


@settings.get("/a/<project_name>/settings/")
@project_route(Right.ADMIN)
def index(project: Project) -> ResponseReturnValue:
    """The settings as they are; to htmx, when rules would run with another hour or zone."""
    if is_fragment_request(request):
        clock = _clock(request.args.get("hour", ""), request.args.get("timezone", ""))
        answer = make_response(render_template("settings/_next_run.html", **_next_run(clock)))
        answer.vary.add("HX-Request")
        return answer
    session = db.session()
    people = people_to_tell(session, project.id)
    change = last_change(session, project)
    return _show(project, settings_form(project, people, change.id))


@settings.post("/a/<project_name>/settings/")
@project_route(Right.ADMIN)
@shown_again_by(AGAIN)
def save(project: Project) -> ResponseReturnValue:
    """Save what is different from before, unless somebody else changed something since."""
    form = SettingsForm(people_to_tell(db.session(), project.id))
    if not form.validate():
        return _show(project, form, 422)
    with write_transaction() as session:
        lock_name(session, "settings", project.id)
        change = last_change(session, project)
        clash = form.based_on.data != str(change.id)
        changed = not clash and _save(session, project, form)
    if clash:
        change = last_change(db.session(), project)
        form.based_on.data = change.id  # who saves again has seen it
        form.form_errors.append(
            _(
                "%(person)s changed these settings at %(moment)s, after you opened them. The change"
                " stands below. Save again to put what you typed in its place.",
                person=change.actor,
                moment=when(change.at, project, "minute").striptags(),
            )
        )
        return _show(project, form, 422)
    flash(_("The settings are saved.") if changed else _("Nothing was changed."))
    return redirect(url_for("settings.index"), 303)


@settings.post("/a/<project_name>/settings/typed")
@project_route(Right.ADMIN)
@shown_again_by(AGAIN)
def show_typed(project: Project) -> ResponseReturnValue:
    """The form as it was typed before a session ended. Saves nothing."""
    return _show(project, SettingsForm(people_to_tell(db.session(), project.id)))


@settings.post("/a/<project_name>/settings/test-mail")
@project_route(Right.ADMIN)
def test_mail(project: Project) -> ResponseReturnValue:
    """Send a mail to whoever asks for it, and say how that went."""
    if not outbox.is_set_up():
        raise Refused(_("No mail can be sent: this server has no mail server set (SMTP_URL)."))
    address = g.actor.name
    with write_transaction() as session:
        letter = outbox.post_to(
            session,
            project.id,
            address,
            subject=_("Test mail from %(project)s", project=project.title),
            body=_("Mails from Casekeeper reach you.")
            + "\n\n"
            + outbox.link(url_for("settings.index")),
        )
        session.flush()  # the event names it
        letter_id = letter.id
        record(
            session,
            project_id=project.id,
            tag=Tag.LETTER_TEST,
            subject=f"letter:{letter_id}",
            by=g.actor,
            after={"to": address},
        )
    problem = outbox.send_once(letter_id, now())
    if problem is None:
        flash(_("The mail server took the test mail for %(address)s.", address=address))
    else:
        flash(_("The test mail was not sent. %(problem)s", problem=problem))
    return redirect(url_for("settings.index", _anchor="mail"), 303)


def _save(session: Session, project: Project, form: SettingsForm) -> bool:
    changes = form.changes_of(project)
    if changes:
        set_project(session, project, changes, by=g.actor)
    told = set_told(session, project, form.told.data, by=g.actor)
    return bool(changes) or told


def _show(project: Project, form: SettingsForm, status: int = 200) -> ResponseReturnValue:
    session = db.session()
    return render_template(
        "settings/index.html",
        project=project,
        form=form,
        zones=offered_zones(),
        use=use_today(session, project),
        mail_from=outbox.mail_from(),
        nobody_told=not (outbox.is_set_up() and addresses_to_tell(session, project.id)),
        letters=session.scalars(letters_of(project.id).limit(SHOWN)).all(),
        changes=latest_changes(session, project, form, SHOWN),
        **_next_run(_clock(str(form.hour.data), form.timezone.data)),
    ), status


def _next_run(clock: Hour | None) -> dict[str, Hour | Micros | None]:
    """The next slot of a clock, for `_next_run.html`."""
    slot = None if clock is None else next_slot(Schedule(), clock, now())
    return {"clock": clock, "slot": slot}


def _clock(hour: str, timezone: str) -> Hour | None:
    """What was typed, if it can be."""
    zone = zone_called(timezone)
    if zone is None or not (hour.isascii() and hour.isdigit() and len(hour) < 3 and int(hour) < 24):
        return None
    return Hour(int(hour), zone)
