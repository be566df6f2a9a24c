"""What the office does: it corrects forms, archives those that should not be, closes cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from sqlalchemy.orm import Session

from webapp.audit.actor import Actor
from webapp.clock import DAY, HOUR, SECOND, Micros
from webapp.demo import app_forms, hours
from webapp.demo.events import Act, Do, Event, Post, post
from webapp.demo.programme import Programme, Sent
from webapp.demo.staff import DATA_OFFICER, MANAGER, OfficePerson, Promoter
from webapp.demo.xform import Block, Filled, Kind, uuid_of
from webapp.dictionary.models import Sharing
from webapp.dictionary.operations import set_case_type
from webapp.people.kinds import UserKind
from webapp.people.operations import get_worker, set_worker
from webapp.projects.models import Project
from webapp.submissions.archive import archive
from webapp.submissions.own import close_case
from webapp.submissions.receive import Sender

_CORRECTED, _TWICE, _TRIED, _SETTLED = 9, 7, 8, 6


def actor(person: OfficePerson) -> Actor:
    """Somebody of the office, as the audit log has them."""
    return Actor(person.user_id, person.email, "10.20.4.17")


BY = actor(DATA_OFFICER)


def at_work(random: Random, day: date) -> Micros:
    """An instant of an office day: the given one, or the next."""
    while hours.effort(day) < 0.5:
        day += timedelta(days=1)
    return hours.instant(day, random.triangular(8 * 60 + 20, 16 * 60 + 30, 10 * 60))


def office(programme: Programme) -> Iterator[Event]:
    """All of it, in no order; some after the programme's end."""
    random = programme.random("office")
    yield from _leavers(random, programme)
    yield from _corrections(random, programme)
    yield from _tests(random, programme)
    yield from _twice(random, programme)
    yield from _settled(random, programme)
    yield Act(at_work(random, programme.last - timedelta(days=6)), _shares_referrals)


def _shares_referrals(session: Session, project: Project) -> object:
    """Referrals that an app leaves to their promoter go to the promoter's facility all the same."""
    by = actor(MANAGER)
    return set_case_type(session, project.id, "referral", {"sharing": Sharing.SHARED}, by=by)


def _leavers(random: Random, programme: Programme) -> Iterator[Act]:
    """Whoever has left can no longer sign in."""
    for one in programme.promoters:
        if one.ends is not None:
            at = at_work(random, one.ends + timedelta(days=random.randrange(3, 20)))
            yield Act(at, _deactivates(one))


def _deactivates(one: Promoter) -> Do:
    return lambda session, project: set_worker(
        session, get_worker(session, project, one.username), active=False, by=BY
    )


def _corrections(random: Random, programme: Programme) -> Iterator[Post]:
    """A due date that nobody can read is worked out from the last period, and the form edited."""
    unreadable = [
        sent
        for sent in _of_kind(programme, app_forms.REGISTER_PREGNANCY)
        if sent.done.filled.answers["booklet"]["lmp"]
        and not _is_date(sent.done.filled.answers["booklet"]["edd"])
    ]
    for sent in random.sample(unreadable, min(_CORRECTED, len(unreadable))):
        filled = sent.done.filled
        lmp = date.fromisoformat(filled.answers["booklet"]["lmp"])
        edd = {"edd": (lmp + timedelta(days=280)).isoformat()}
        pregnancy, *others = filled.blocks
        corrected = Filled(
            filled.kind,
            {**filled.answers, "booklet": filled.answers["booklet"] | edd},
            [replace(pregnancy, update={**pregnancy.update, **edd}), *others],
        )
        version = replace(sent, done=replace(sent.done, filled=corrected))
        at = at_work(random, hours.day_of(sent.at) + timedelta(days=random.randrange(2, 60)))
        yield Post(at, Sender(BY.user_id, BY.name, UserKind.WEB), version.incoming)


def _tests(random: Random, programme: Programme) -> Iterator[Event]:
    """Trainees try the app on the day before they begin; nobody needs what they enter."""
    trainees = random.sample(programme.promoters, min(_TRIED, len(programme.promoters)))
    for one in trainees:
        theirs = [
            sent for sent in _of_kind(programme, app_forms.REGISTER_HOUSEHOLD) if sent.by is one
        ]
        if not theirs:
            continue
        day = one.begins - timedelta(days=1)
        ended = hours.instant(day, random.uniform(600, 930))
        (block,) = theirs[0].done.filled.blocks
        create = {**(block.create or {}), "case_name": random.choice(("TEST", "test household"))}
        create["external_id"] = ""
        block = replace(block, case_id=uuid_of(random), create=create)
        sent = _typed(theirs[0], ended, block, random)
        yield post(sent)
        at = at_work(random, day + timedelta(days=random.randrange(1, 40)))
        yield Act(at, _archives(sent, "Test from the training"))


def _twice(random: Random, programme: Programme) -> Iterator[Event]:
    """A household that was registered again some days later."""
    registered = _of_kind(programme, app_forms.REGISTER_HOUSEHOLD)
    for first in random.sample(registered, min(_TWICE, len(registered))):
        (block,) = first.done.filled.blocks
        ended = first.done.ended + random.randrange(1, 6) * DAY + random.randrange(3600) * SECOND
        again = _typed(first, ended, replace(block, case_id=uuid_of(random)), random)
        number = (block.create or {})["external_id"]
        yield post(again)
        at = at_work(random, hours.day_of(again.at) + timedelta(days=random.randrange(2, 45)))
        yield Act(at, _archives(again, f"Registered twice, see {number}"))


def _typed(like: Sent, ended: Micros, block: Block, random: Random) -> Sent:
    """A form like another one, filled in at another time, about another case."""
    filled = replace(like.done.filled, blocks=[block])
    took = like.done.ended - like.done.begun
    meta = replace(like.meta, instance_id=uuid_of(random), begun=ended - took, ended=ended)
    done = replace(like.done, begun=meta.begun, ended=ended, filled=filled)
    return replace(like, at=ended + random.randrange(HOUR), done=done, meta=meta)


def _archives(sent: Sent, reason: str) -> Do:
    return lambda session, project: archive(
        session, project.id, sent.meta.instance_id, by=BY, reason=reason
    )


def _settled(random: Random, programme: Programme) -> Iterator[Act]:
    """The facility's own register says what became of a referral that was never followed up."""
    opened: dict[str, Micros] = {}
    for sent in programme.sent:
        for block in sent.done.filled.blocks:
            if block.create and block.create["case_type"] == "referral":
                opened[block.case_id] = sent.at
            elif block.case_id in opened and (block.close or block.update):
                del opened[block.case_id]
    # Before rules ran, which close some of them.
    old = sorted(one for one in opened if opened[one] < programme.until - 100 * DAY)
    for case_id in random.sample(old, min(_SETTLED, len(old))):
        at = at_work(
            random, hours.day_of(opened[case_id]) + timedelta(days=random.randrange(9, 40))
        )
        yield Act(at, _closes(case_id))


def _closes(case_id: str) -> Do:
    return lambda session, project: close_case(
        session,
        project.id,
        case_id,
        by=BY,
        reason="She is in the facility's register of patients seen",
    )


def _of_kind(programme: Programme, kind: Kind) -> list[Sent]:
    return [sent for sent in programme.sent if sent.done.filled.kind == kind]


def _is_date(text: str) -> bool:
    try:
        return text == date.fromisoformat(text).isoformat()
    except ValueError:
        return False
