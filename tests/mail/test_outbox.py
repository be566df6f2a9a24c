"""Letters: written with what they tell, sent once, tried again, given up and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from tests import factories
from tests.mail.post_office import PostOffice, open_post_office
from webapp.clock import DAY, MINUTE, now
from webapp.database import write_transaction
from webapp.mail import outbox, smtp
from webapp.mail.models import Letter
from webapp.mail.queries import letters_of
from webapp.people.models import WebUser
from webapp.people.operations import set_web_user_active
from webapp.people.told import set_told
from webapp.projects.models import Project

SUBJECT = "Run 7 waits for a decision: “Close stale patients”"
BODY = "312 of 402 open cases would change.\n\nhttps://cases.example.org/a/demo/runs/7/\n"


def posted(project: Project, subject: str = SUBJECT) -> int:
    with write_transaction() as session:
        return outbox.post(session, project.id, subject=subject, body=BODY)


def letters(session: Session, project: Project) -> list[Letter]:
    """The letters of a project, oldest first, as they are now."""
    session.rollback()
    return list(session.scalars(letters_of(project.id)))[::-1]


def taken(letter: Letter) -> tuple[int, bool, bool, bool]:
    """Tries, and whether it waits, was sent, was given up."""
    return (
        letter.tries,
        letter.next_try_on is not None,
        letter.sent_on is not None,
        letter.given_up_on is not None,
    )


@pytest.fixture
def amina(project: Project) -> WebUser:
    """Amina is an admin, and so is told."""
    return factories.web_user(project, "admin")


class TestWriting:
    def test_those_who_are_told_get_a_letter_each(
        self, session: Session, project: Project, mailing: PostOffice, amina: WebUser
    ):
        boris, viktor, left = (
            factories.web_user(project, role) for role in ("editor", "viewer", "admin")
        )
        factories.web_user(factories.project(), "admin")  # of another project
        with write_transaction():
            told = {amina.user_id, boris.user_id, left.user_id}
            set_told(session, project, told, by=factories.actor())
            set_web_user_active(session, left, False, by=factories.actor())
        assert posted(project) == 2
        assert outbox.send_due(now()) == 2
        assert {address for addresses, _ in mailing.mails for address in addresses} == {
            amina.email,
            boris.email,
        }
        assert mailing.to(viktor.email) == []

    def test_a_mail_is_what_was_written(
        self, project: Project, mailing: PostOffice, amina: WebUser
    ):
        posted(project)
        outbox.send_due(now())
        (mail,) = mailing.to(amina.email)
        assert mail["From"] == "Casekeeper <casekeeper@example.org>"
        assert mail["To"] == amina.email
        assert mail["Subject"] == SUBJECT
        assert mail.get_content().replace("\r\n", "\n") == BODY
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["Message-ID"].endswith("@example.org>") and mail["Date"]

    def test_a_subject_is_one_line_of_bounded_length(
        self, project: Project, mailing: PostOffice, amina: WebUser
    ):
        posted(project, "A rule\r\nBcc: everybody@example.org \u2028" + "é" * 300)
        outbox.send_due(now())
        (mail,) = mailing.to(amina.email)
        assert mail["Bcc"] is None
        assert mail["Subject"].startswith("A rule Bcc: everybody@example.org éé")
        assert len(mail["Subject"]) == 200
        assert len(mailing.mails) == 1

    def test_what_was_rolled_back_tells_nobody(
        self, session: Session, project: Project, mailing: PostOffice, amina: WebUser
    ):
        with pytest.raises(ZeroDivisionError), write_transaction():
            assert outbox.post(session, project.id, subject=SUBJECT, body=BODY) / 0
        assert letters(session, project) == []
        assert outbox.send_due(now()) == 0

    @pytest.mark.usefixtures("amina")
    def test_without_a_mail_server_nothing_is_written(self, session: Session, project: Project):
        assert posted(project) == 0
        assert letters(session, project) == []
        assert outbox.send_due(now()) == 0

    @pytest.mark.usefixtures("mailing")
    def test_links_lead_to_the_site_as_people_know_it(self):
        assert outbox.link("/a/demo/runs/7/") == "https://cases.example.org/a/demo/runs/7/"


class TestSending:
    def test_a_letter_is_sent_once(
        self, session: Session, project: Project, mailing: PostOffice, amina: WebUser
    ):
        posted(project)
        assert [outbox.send_due(now()), outbox.send_due(now() + 2 * DAY)] == [1, 0]
        assert len(mailing.to(amina.email)) == 1
        (letter,) = letters(session, project)
        assert taken(letter) == (1, False, True, False)
        assert letter.problem is None

    def test_many_go_over_one_connection(
        self, project: Project, mailing: PostOffice, amina: WebUser
    ):
        before = mailing.connections
        for _ in range(5):
            posted(project)
        assert outbox.send_due(now()) == 5
        assert mailing.connections == before + 1

    def test_eight_ticks_at_once_send_each_letter_once(
        self, app: Flask, session: Session, project: Project, mailing: PostOffice, amina: WebUser
    ):
        for number in range(20):
            posted(project, f"Letter {number}")
        mailing.slow = 0.01
        start = threading.Barrier(8)
        sent: list[int] = []

        def tick() -> None:
            with app.app_context():
                start.wait()
                sent.append(outbox.send_due(now()))

        threads = [threading.Thread(target=tick) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(sent) == 20
        assert sorted(mail["Subject"] for mail in mailing.to(amina.email)) == sorted(
            f"Letter {number}" for number in range(20)
        )
        assert {taken(letter) for letter in letters(session, project)} == {(1, False, True, False)}

    def test_a_sender_that_is_killed_leaves_the_letter_to_the_next(
        self,
        session: Session,
        project: Project,
        mailing: PostOffice,
        amina: WebUser,
        monkeypatch: pytest.MonkeyPatch,
    ):
        posted(project)

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(smtp.Line, "send", killed)
            with pytest.raises(KeyboardInterrupt):
                outbox.send_due(now())
        assert outbox.send_due(now()) == 0, "it may have been sent: the next try waits"
        assert outbox.send_due(now() + 2 * MINUTE) == 1
        assert len(mailing.to(amina.email)) == 1
        (letter,) = letters(session, project)
        assert taken(letter) == (2, False, True, False)

    def test_one_that_cannot_be_written_down_keeps_no_other(
        self,
        session: Session,
        project: Project,
        mailing: PostOffice,
        amina: WebUser,
    ):
        posted(project), posted(project)
        first, _ = letters(session, project)
        with write_transaction():
            broken = update(Letter).where(Letter.id == first.id)
            session.execute(broken.values(subject="a line\nand another"))
        assert outbox.send_due(now()) == 1
        first, second = letters(session, project)
        assert "Something went wrong in Casekeeper" in (first.problem or "")
        assert taken(first) == (1, True, False, False)
        assert taken(second) == (1, False, True, False)

    def test_a_database_that_is_busy_raises_nothing(
        self, project: Project, mailing: PostOffice, amina: WebUser, monkeypatch: pytest.MonkeyPatch
    ):
        posted(project)

        def busy(*_: object) -> None:
            raise ConnectionError

        with monkeypatch.context() as patch:
            patch.setattr(outbox, "_due", busy)
            assert outbox.send_due(now()) == 0
        assert outbox.send_due(now()) == 1


class TestTrouble:
    def test_a_server_that_is_down_is_asked_again_later(
        self,
        session: Session,
        project: Project,
        amina: WebUser,
        mail_to: Callable[[str], None],
    ):
        at = now()
        with open_post_office() as gone:
            port = gone.port
        mail_to(f"smtp://127.0.0.1:{port}")
        posted(project), posted(project)
        assert outbox.send_due(now()) == 0
        first, second = letters(session, project)
        assert taken(first) == (1, True, False, False)
        assert taken(second) == (0, True, False, False), "it would only have waited for the same"
        assert first.problem == "The mail server cannot be reached: Connection refused."
        assert first.next_try_on is not None and first.next_try_on >= at + MINUTE
        with open_post_office(port=port) as back:
            assert outbox.send_due(now()) == 1, "the other one"
            assert outbox.send_due(now() + MINUTE) == 1
            assert len(back.to(amina.email)) == 2
        first, second = letters(session, project)
        assert taken(first) == (2, False, True, False)
        assert first.problem is None

    def test_after_a_day_it_is_given_up_and_says_why(
        self,
        session: Session,
        project: Project,
        amina: WebUser,
        mail_to: Callable[[str], None],
    ):
        mail_to("smtp://127.0.0.1:1")
        posted(project)
        written = at = now()
        pauses = []
        while (letter := letters(session, project)[0]).next_try_on is not None:
            pauses.append(letter.next_try_on - at)
            at = letter.next_try_on
            outbox.send_due(at)
            assert at < written + 2 * DAY, "it never ends"
        assert pauses == sorted(pauses), "the pauses grow"
        assert 0.9 * DAY < at - written < DAY + MINUTE
        assert taken(letter) == (10, False, False, True)
        assert letter.problem == "The mail server cannot be reached: Connection refused."

    def test_a_recipient_that_is_refused_is_given_up_at_once(
        self, session: Session, project: Project, mailing: PostOffice, amina: WebUser
    ):
        boris = factories.web_user(project, "admin")
        mailing.refused[min(amina.email, boris.email)] = "550 5.1.1 no such user here"
        posted(project)
        assert outbox.send_due(now()) == 1, "the other one is sent, over the same connection"
        refused, sent = letters(session, project)
        assert taken(refused) == (1, False, False, True)
        assert refused.problem == "The mail server said: 550 5.1.1 no such user here"
        assert taken(sent) == (1, False, True, False)

    def test_one_that_is_put_off_is_tried_again(
        self, session: Session, project: Project, mailing: PostOffice, amina: WebUser
    ):
        mailing.refused[amina.email] = "450 4.2.0 greylisted, come back later"
        posted(project)
        assert outbox.send_due(now()) == 0
        (letter,) = letters(session, project)
        assert taken(letter) == (1, True, False, False)
        assert letter.problem == "The mail server said: 450 4.2.0 greylisted, come back later"
        mailing.refused.clear()
        assert outbox.send_due(now() + MINUTE) == 1

    def test_a_server_that_closes_on_one_takes_the_next(
        self, session: Session, project: Project, mailing: PostOffice, amina: WebUser
    ):
        boris = factories.web_user(project, "admin")
        mailing.refused[min(amina.email, boris.email)] = "421 4.7.0 too much today"
        posted(project)
        assert outbox.send_due(now()) == 1
        put_off, sent = letters(session, project)
        assert taken(put_off) == (1, True, False, False)
        assert taken(sent) == (1, False, True, False)

    def test_a_message_that_is_rejected_is_given_up(
        self, session: Session, project: Project, mailing: PostOffice, amina: WebUser
    ):
        mailing.rejected = "554 5.7.1 looks like spam\r\n"
        posted(project)
        assert outbox.send_due(now()) == 0
        (letter,) = letters(session, project)
        assert taken(letter) == (1, False, False, True)
        assert letter.problem == "The mail server said: 554 5.7.1 looks like spam"

    def test_a_server_that_says_nothing_is_left_in_time(
        self,
        session: Session,
        project: Project,
        mailing: PostOffice,
        amina: WebUser,
        monkeypatch: pytest.MonkeyPatch,
    ):
        monkeypatch.setattr(outbox, "PATIENCE_S", 0.2)
        mailing.slow = 1.0
        posted(project)
        assert outbox.send_due(now()) == 0
        (letter,) = letters(session, project)
        assert letter.problem == "The mail server did not answer in time."
        assert taken(letter) == (1, True, False, False)

    def test_for_somebody_who_waits_it_is_tried_once(
        self, session: Session, project: Project, mailing: PostOffice, amina: WebUser
    ):
        def test_letter() -> int:
            with write_transaction() as writing:
                letter = outbox.post_to(
                    writing, project.id, amina.email, subject="A test", body="It works."
                )
                writing.flush()
                return letter.id

        assert outbox.send_once(test_letter(), now()) is None
        mailing.refused[amina.email] = "450 4.2.0 later"
        said = outbox.send_once(test_letter(), now())
        assert said == "The mail server said: 450 4.2.0 later"
        assert [taken(letter) for letter in letters(session, project)] == [
            (1, False, True, False),
            (1, False, False, True),
        ]
