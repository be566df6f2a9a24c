"""A form's own page, its files, and archive and restore (SPEC U9, A2–A5)."""

from __future__ import annotations

import io
from typing import Any

from flask import Response, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.utils import send_file

from webapp.audit.record import events_about
from webapp.database import write_transaction
from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.history.form_page import touched_cases
from webapp.history.outlook import archive_outlook
from webapp.history.related import by_ids, related
from webapp.history.rows import deactivated_among, user_type
from webapp.history.why import why
from webapp.history.words import form_title, type_word
from webapp.people.owners import names_of_owners
from webapp.projects.models import Project
from webapp.projects.rights import Right
from webapp.submissions import archive as operations
from webapp.submissions.answers import AnswerTree, answers
from webapp.submissions.attachments import path_of
from webapp.submissions.models import Attachment, State, Submission
from webapp.submissions.parse import NotAForm
from webapp.submissions.queries import attachments_of, content_of, get_submission
from webapp.submissions.reprocess import ids_now
from webapp.web.access import project_route
from webapp.web.answer_steps import answer_steps
from webapp.web.forms.archive import ArchiveForm
from webapp.web.pictures import picture_type
from webapp.web.submission_words import why_state
from webapp.web.typed import shown_again_by
from webapp.web.views.submissions import submissions
from webapp.web.why_words import why_words

__all__ = ["submissions"]  # with the routes of this file

AGAIN = "submissions.show_typed_reason"

#: So much of the raw XML is shown; all of it can be downloaded.
SHOWN_XML = 20_000
#: And of that of a form with so many answers, which fill the page already.
SHOWN_XML_OF_MANY, MANY_ANSWERS = 4_000, 150
#: So many elements of a form are drawn in the tree of its answers.
SHOWN_ANSWERS = 1000
#: So many forms in the way are named.
NAMED_IN_THE_WAY = 50


@submissions.get("/a/<project_name>/submissions/<public_id:submission_id>/")
@project_route(Right.VIEW)
def show(project: Project, submission_id: str) -> ResponseReturnValue:
    """All that is known of a form. The id that it had when it failed leads to the one it has."""
    session = db.session()
    try:
        one = get_submission(session, project.id, submission_id)
    except NotFound:
        now = ids_now(session, project.id, [submission_id]).get(submission_id)
        if now is None:
            raise
        flash(
            _(
                "This form could be processed: it took the id and the place of the version that it"
                " replaced."
            )
        )
        return redirect(url_for(".show", submission_id=now), 302)
    content = content_of(session, one)
    events = session.scalars(
        events_about(project.id, f"submission:{one.submission_id}").limit(100)
    ).all()
    tree = _tree(one, content)
    cases, more_cases = touched_cases(session, one)
    ids = {one.user_id, *(event.actor_id for event in events)}
    for case in cases:
        ids |= case.user_ids
    many = tree is not None and tree.total > MANY_ANSWERS
    beginning = content[: SHOWN_XML_OF_MANY if many else SHOWN_XML]
    return render_template(
        "submissions/show.html",
        project=project,
        one=one,
        title=form_title(one),
        why=one.problem or why_state(one.state),
        user_type=type_word(user_type(one, deactivated_among(session, project.id, [one]))),
        cases=cases,
        more_cases=more_cases,
        names=names_of_owners(session, project.id, ids - {""}),
        tree=tree,
        steps=() if tree is None else answer_steps(tree),
        folded=many,
        attachments=[(kept, _picture(kept)) for kept in attachments_of(session, one)],
        xml=_shown(beginning),
        xml_size=len(content),
        xml_cut=len(content) > len(beginning),
        related=related(session, one),
        events=events,
        form_title=form_title,
        **why_words(why(session, one)),
    )


@submissions.get("/a/<project_name>/submissions/<public_id:submission_id>/xml")
@project_route(Right.VIEW)
def xml(project: Project, submission_id: str) -> ResponseReturnValue:
    """The bytes as they came, as a download."""
    one = get_submission(db.session(), project.id, submission_id)
    kind = "bin" if one.state == State.UNPARSED else "xml"
    answer = send_file(
        io.BytesIO(content_of(db.session(), one)),
        request.environ,
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=f"{_file_name(one)}.{kind}",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@submissions.get(
    "/a/<project_name>/submissions/<public_id:submission_id>/attachments/<any_name:name>"
)
@project_route(Right.VIEW)
def attachment(project: Project, submission_id: str, name: str) -> ResponseReturnValue:
    """An attachment as a download, whatever it says that it is (SPEC X2)."""
    kept = _attachment(project, submission_id, name)
    return _file(kept, "application/octet-stream", as_attachment=True)


@submissions.get("/a/<project_name>/submissions/<public_id:submission_id>/pictures/<any_name:name>")
@project_route(Right.VIEW)
def picture(project: Project, submission_id: str, name: str) -> ResponseReturnValue:
    """An attachment whose first bytes are those of a picture, to be shown on its form's page."""
    kept = _attachment(project, submission_id, name)
    kind = _picture(kept)
    if kind is None:
        raise NotFound(_("This attachment is no picture that can be shown. Download it instead."))
    return _file(kept, kind, as_attachment=False)


@submissions.get("/a/<project_name>/submissions/<public_id:submission_id>/archive")
@project_route(Right.EDIT_DATA)
def ask_archive(project: Project, submission_id: str) -> ResponseReturnValue:
    """What archiving this form would do, and why it is wanted."""
    one = get_submission(db.session(), project.id, submission_id)
    return _ask_archive(project, one, ArchiveForm(formdata=None))


@submissions.post("/a/<project_name>/submissions/<public_id:submission_id>/archive")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def archive(project: Project, submission_id: str) -> ResponseReturnValue:
    """Archive the form. 409 with the forms in the way where it is refused."""
    form = ArchiveForm()
    one = get_submission(db.session(), project.id, submission_id)
    if one.state == State.ARCHIVED:
        flash(_("This form is already archived."))
        return _to_form(submission_id)
    if not form.validate():
        return _ask_archive(project, one, form, 422)
    try:
        with write_transaction() as session:
            changed = operations.archive(
                session, project.id, submission_id, by=g.actor, reason=form.reason.data or ""
            )
    except Refused as error:
        return _refused(project, submission_id, error)
    flash(
        ngettext(
            "The form is archived: %(num)s case changed. You can restore it at any time.",
            "The form is archived: %(num)s cases changed. You can restore it at any time.",
            changed,
        )
    )
    return _to_form(submission_id)


@submissions.post("/a/<project_name>/submissions/<public_id:submission_id>/archive/typed")
@project_route(Right.EDIT_DATA)
@shown_again_by(AGAIN)
def show_typed_reason(project: Project, submission_id: str) -> ResponseReturnValue:
    """The form as it was typed before a session ended. Archives nothing."""
    one = get_submission(db.session(), project.id, submission_id)
    return _ask_archive(project, one, ArchiveForm())


@submissions.post("/a/<project_name>/submissions/<public_id:submission_id>/restore")
@project_route(Right.EDIT_DATA)
def restore(project: Project, submission_id: str) -> ResponseReturnValue:
    """Restore the form. 409 with the forms in the way where it is refused."""
    one = get_submission(db.session(), project.id, submission_id)
    if one.state == State.NORMAL:
        flash(_("This form is not archived."))
        return _to_form(submission_id)
    try:
        with write_transaction() as session:
            changed = operations.restore(session, project.id, submission_id, by=g.actor)
    except Refused as error:
        return _refused(project, submission_id, error)
    flash(
        ngettext(
            "The form is restored: %(num)s case changed.",
            "The form is restored: %(num)s cases changed.",
            changed,
        )
    )
    return _to_form(submission_id)


def _to_form(submission_id: str) -> Response:
    return redirect(url_for("submissions.show", submission_id=submission_id), 303)  # type: ignore[return-value]  # Flask redirects with its own Response


def _ask_archive(
    project: Project, one: Submission, form: ArchiveForm, status: int = 200
) -> ResponseReturnValue:
    if one.state == State.ARCHIVED:
        flash(_("This form is already archived."))
        return _to_form(one.submission_id)
    if one.state != State.NORMAL:
        raise Refused(why_state(one.state))
    outlook = archive_outlook(db.session(), one)
    return (
        render_template(
            "submissions/archive.html",
            project=project,
            one=one,
            title=form_title(one),
            form=form,
            outlook=outlook,
            **_in_the_way(project, outlook.in_the_way),
        ),
        status,
    )


def _refused(project: Project, submission_id: str, error: Refused) -> ResponseReturnValue:
    one = get_submission(db.session(), project.id, submission_id)
    return (
        render_template(
            "submissions/refused.html",
            project=project,
            one=one,
            title=form_title(one),
            message=error.message,
            **_in_the_way(project, error.in_the_way),
        ),
        409,
    )


def _in_the_way(project: Project, ids: tuple[str, ...]) -> dict[str, Any]:
    """The forms in the way, in the order in which they must be dealt with."""
    named = ids[:NAMED_IN_THE_WAY]
    return {
        "in_the_way": by_ids(db.session(), project.id, named),
        "more_in_the_way": len(ids) - len(named),
        "form_title": form_title,
    }


def _tree(one: Submission, content: bytes) -> AnswerTree | None:
    if one.state == State.UNPARSED:
        return None
    try:
        return answers(content, limit_nodes=SHOWN_ANSWERS)
    except NotAForm:
        return None


def _shown(content: bytes) -> str:
    """Bytes as text; what cannot be shown becomes a mark."""
    text = content.decode(errors="replace")
    return "".join(c if c.isprintable() or c in "\n\r\t" else "�" for c in text)


def _attachment(project: Project, submission_id: str, name: str) -> Attachment:
    session = db.session()
    one = get_submission(session, project.id, submission_id)
    for kept in attachments_of(session, one):
        if kept.name == name:
            return kept
    raise NotFound(_("This form has no attachment of this name."))


def _picture(kept: Attachment) -> str | None:
    return picture_type(path_of(_folder(), kept.sha256))


def _file(kept: Attachment, mimetype: str, *, as_attachment: bool) -> ResponseReturnValue:
    path = path_of(_folder(), kept.sha256)
    if not path.is_file():
        raise NotFound(_("The content of this attachment is not in the store."))
    answer = send_file(
        path,
        request.environ,
        mimetype=mimetype,
        as_attachment=as_attachment,
        download_name=_plain(kept.name) or "attachment",
        etag=kept.sha256,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _folder() -> Any:
    return current_app.extensions["settings"].attachments


def _file_name(one: Submission) -> str:
    return _plain(one.submission_id)[:100] or "form"


def _plain(name: str) -> str:
    """A name without what a file system or a header takes for more than a letter, and without the
    dots before it, which hide a file and are folders where they stand alone."""
    plain = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in name)
    return plain.lstrip(". ")
