"""Letters: written in the transaction of what they tell, sent later.

So nobody hears of what was rolled back, and a mail server that is slow or away delays and loses
nothing. SMTP cannot tell whether a server that did not answer has taken a mail: then, and when this
process dies in that moment, it is sent again, with the same Message-ID.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.clock import MINUTE, Micros, now
from webapp.config import Settings
from webapp.database import write_transaction
from webapp.extensions import db
from webapp.mail.models import Letter
from webapp.mail.smtp import Line, NoWay, Refused, TakenLater, as_message
from webapp.mail_settings import public_url
from webapp.people.told import addresses_to_tell

#: After each try that failed, the pause before the next: a day in all.
PAUSES: tuple[Micros, ...] = tuple(
    minutes * MINUTE for minutes in (1, 5, 15, 30, 60, 120, 240, 480, 480)
)
#: The mail server may be silent for so long (seconds): some look at a mail for long before they
#: take it, and whoever does not wait sends it again.
PATIENCE_S = 60.0
#: The same while somebody waits for a page.
PATIENCE_OF_PEOPLE_S = 20.0
#: Letters taken in one go.
LIMIT = 100

_log = logging.getLogger(__name__)


def post(session: Session, project_id: int, *, subject: str, body: str) -> int:
    """Write a letter to each member of a project who is told of its runs, in the present
    transaction; return how many. None is written where no mail server is set (SMTP_URL).

    No personal data of cases: mails travel and stay where nobody controls who reads them.
    """
    if not is_set_up():
        return 0
    addresses = addresses_to_tell(session, project_id)
    for address in addresses:
        post_to(session, project_id, address, subject=subject, body=body)
    return len(addresses)


def post_to(session: Session, project_id: int, address: str, *, subject: str, body: str) -> Letter:
    """Write a letter to one address, in the present transaction."""
    line = " ".join(subject.split())
    at = now()
    letter = Letter(
        project_id=project_id,
        address=address,
        subject=line if len(line) <= 200 else line[:199] + "…",
        body=body,
        written_on=at,
        next_try_on=at,
    )
    session.add(letter)
    return letter


def is_set_up() -> bool:
    """Whether a mail server is set (SMTP_URL), so that letters are written and sent."""
    return bool(_settings().smtp_url)


def mail_from() -> str:
    """The sender of letters; empty where none are sent."""
    return _settings().mail_from if is_set_up() else ""


def link(path: str) -> str:
    """A place on this site (`/a/demo/runs/7/`) as people outside can open it."""
    return f"{public_url(_settings().public_url)}{path}"


def send_due(at: Micros) -> int:
    """Send the letters whose time has come by `at`; return how many were taken by the mail server.

    Never raises: what goes wrong with a letter is kept with it, all else goes to the log. Any
    number of processes may do it at once. One query when there is nothing to send.
    """
    if not is_set_up():
        return 0
    sent = 0
    try:
        with Line(_settings(), patience_s=PATIENCE_S) as line:
            for letter_id in _due(at):
                outcome = _send(line, letter_id, at)
                sent += outcome.sent
                if outcome.no_way:
                    break  # the others would only wait for the same
    except Exception:  # noqa: BLE001  it must not end who calls; the letters are still there
        _log.exception("letters could not be sent; they are tried again")
    return sent


def send_once(letter_id: int, at: Micros) -> str | None:
    """Send one letter now, and give it up if that fails; return how it failed, or None. For
    somebody who waits for the answer: it takes as long as the mail server does."""
    with Line(_settings(), patience_s=PATIENCE_OF_PEOPLE_S) as line:
        return _send(line, letter_id, at, last=True).problem


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a try went; `no_way`: for reasons that are not this letter's."""

    sent: bool = False
    problem: str | None = None
    forever: bool = False
    no_way: bool = False


def _settings() -> Settings:
    found = current_app.extensions["settings"]
    assert isinstance(found, Settings)
    return found


def _due(at: Micros) -> list[int]:
    session = db.session()
    session.rollback()  # see what is, not what was when this process last looked
    due = select(Letter.id).where(Letter.next_try_on <= at)
    found = session.scalars(due.order_by(Letter.next_try_on, Letter.id).limit(LIMIT)).all()
    session.rollback()
    return list(found)


def _send(line: Line, letter_id: int, at: Micros, *, last: bool = False) -> _Outcome:
    letter = _take(letter_id, at)
    if letter is None:
        return _Outcome()  # somebody else was first
    outcome = _try(line, letter)
    _settle(letter, outcome, last=last)
    if outcome.problem is not None:
        _log.warning("letter %d was not sent at try %d", letter.id, letter.tries)
    return outcome


def _take(letter_id: int, at: Micros) -> Letter | None:
    """Take a letter for one try, as it stands then. The next try is set at once, so that nobody
    else takes it meanwhile, and it is not lost when this process dies."""
    with write_transaction() as session:
        letter = session.scalar(
            select(Letter)
            .where(Letter.id == letter_id, Letter.next_try_on <= at)
            .with_for_update(skip_locked=True)
        )
        if letter is not None:
            letter.tries += 1
            letter.next_try_on = at + PAUSES[min(letter.tries, len(PAUSES)) - 1]
            session.flush()  # before it is let go
            session.expunge(letter)
        return letter


def _try(line: Line, letter: Letter) -> _Outcome:
    try:
        line.send(letter.address, as_message(letter, _settings().mail_from))
    except Refused as refused:
        return _Outcome(problem=refused.sentence, forever=True)
    except TakenLater as later:
        return _Outcome(problem=later.sentence)
    except NoWay as no_way:
        return _Outcome(problem=no_way.sentence, no_way=True)
    except Exception:  # noqa: BLE001  one letter that cannot be written must not keep the others
        _log.exception("letter %d cannot be sent", letter.id)
        return _Outcome(
            problem="Something went wrong in Casekeeper itself, and was written to its log."
        )
    return _Outcome(sent=True)


def _settle(taken: Letter, outcome: _Outcome, *, last: bool) -> None:
    """Keep with the letter how the try went, unless another try has begun since."""
    with write_transaction() as session:
        letter = session.scalar(
            select(Letter)
            .where(Letter.id == taken.id, Letter.tries == taken.tries)
            .with_for_update()
        )
        if letter is None:
            return
        letter.problem = outcome.problem
        if outcome.sent:
            letter.sent_on, letter.next_try_on = now(), None
        elif last or outcome.forever or taken.tries > len(PAUSES):
            letter.given_up_on, letter.next_try_on = now(), None
