"""What the filters of Submit History offer: users, applications and forms of the project."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.dictionary.models import FormType
from webapp.history.filters import SubmissionFilter
from webapp.history.owner_choices import OFFERED, group_choices, location_choices
from webapp.history.rule_choices import RuleChoice, RunChoice, rule_choices, run_choices
from webapp.people.models import Membership, MobileWorker, WebUser
from webapp.people.owners import Owner, OwnerIs, owners_of
from webapp.submissions.own import RULE_XMLNS


@dataclass(frozen=True, slots=True)
class UserChoice:
    """A user by id, and the name by which people know them."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class FormChoice:
    """A kind of form: its xmlns, its name, and the application that it comes with ("" without,
    None where several have it)."""

    xmlns: str
    name: str
    app_id: str | None


@dataclass(frozen=True, slots=True)
class Choices:
    """All that is offered, each list in the order in which it is shown."""

    workers: list[UserChoice]
    web_users: list[UserChoice]
    apps: list[str]
    forms: list[FormChoice]
    rules: list[RuleChoice] = field(default_factory=list)
    runs: list[RunChoice] = field(default_factory=list)
    groups: list[Owner] = field(default_factory=list)
    locations: list[Owner] = field(default_factory=list)


def choices(session: Session, project_id: int, *, chosen_user: str = "") -> Choices:
    """What a project has, and the user who is chosen even where there are more than `OFFERED`.
    Three queries, each of at most `OFFERED` rows; two more for a user who is not among them."""
    workers = session.execute(
        select(MobileWorker.user_id, MobileWorker.username)
        .where(MobileWorker.project_id == project_id)
        .order_by(MobileWorker.username)
        .limit(OFFERED)
    )
    web_users = session.execute(
        select(WebUser.user_id, WebUser.email)
        .join(Membership, Membership.web_user_id == WebUser.id)
        .where(Membership.project_id == project_id)
        .order_by(WebUser.email)
        .limit(OFFERED)
    )
    known = session.execute(
        select(FormType.xmlns, FormType.name, FormType.app_id)
        .where(FormType.project_id == project_id)
        .order_by(FormType.name, FormType.xmlns, FormType.app_id)
        .limit(OFFERED)
    ).all()
    forms: dict[str, FormChoice] = {}
    for xmlns, name, app_id in known:
        if xmlns == RULE_XMLNS:
            # People look for it by this address, whatever a form from outside calls itself (S6).
            forms[xmlns] = FormChoice(xmlns, "", "")
            continue
        seen = forms.get(xmlns)
        shared = seen is not None and seen.app_id != app_id
        forms[xmlns] = FormChoice(
            xmlns, name or (seen.name if seen else ""), None if shared else app_id
        )
    offered = [UserChoice(*one) for one in workers]
    on_the_web = [UserChoice(*one) for one in web_users]
    if chosen_user and chosen_user not in {one.user_id for one in (*offered, *on_the_web)}:
        named = owners_of(session, project_id, [chosen_user])
        offered += [
            UserChoice(one.owner_id, one.name)
            for one in named.values()
            if one.kind in {OwnerIs.WORKER, OwnerIs.WEB_USER}
        ]
    return Choices(
        offered,
        on_the_web,
        sorted({app_id for _xmlns, _name, app_id in known if app_id}),
        list(forms.values()),
    )


def submission_choices(session: Session, project_id: int, wanted: SubmissionFilter) -> Choices:
    """All that the filters of Submit History offer, with what is chosen. Seven queries; at most six
    more for what is chosen and not among them."""
    return replace(
        choices(session, project_id, chosen_user=wanted.user),
        rules=rule_choices(session, project_id, chosen=wanted.rule),
        runs=run_choices(session, project_id, chosen=wanted.run),
        groups=group_choices(session, project_id, chosen=wanted.group),
        locations=location_choices(session, project_id, chosen=wanted.location),
    )
