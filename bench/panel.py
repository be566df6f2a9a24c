"""The preview in the form of a rule, as a browser asks for it; and whether others wait for it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from flask.testing import FlaskClient
from lxml import html

from bench.load import Load, summary
from bench.world import BY, World
from webapp.database import write_transaction
from webapp.people.operations import add_member, create_web_user
from webapp.projects.models import Project
from webapp.rules.definition import Definition
from webapp.rules.models import RuleState
from webapp.rules.operations import create_rule
from webapp.rules.portable import RuleData

HTMX = {"HX-Request": "true"}
EMAIL = "bench@example.org"


@dataclass(frozen=True)
class Panel:
    """A rule: seconds to the whole answer, the best of some, where the machine does nothing else;
    the same while another asks, without a pause, for what adds a condition to the form, and the
    times of that; and the answer's kB before compression."""

    rule: str
    took: float
    beside: float
    others: Load
    weight: float


def measure_panels(there: World, rules: Sequence[tuple[str, Definition]]) -> tuple[Panel, ...]:
    """Ask through the whole application, in this process: what a thread of gunicorn does."""
    # In another thread: a request inside of the present context would share what that knows.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_measure_all, there, rules).result()


def _measure_all(there: World, rules: Sequence[tuple[str, Definition]]) -> tuple[Panel, ...]:
    password = secrets.token_urlsafe(12)
    with there.app.app_context(), write_transaction() as session:
        project = session.get_one(Project, there.project_id)
        base = f"/a/{project.name}/rules/"
        user = create_web_user(session, EMAIL, password, by=BY)
        add_member(session, project, user, "admin", by=BY)
        made = [
            create_rule(session, project.id, RuleData(rule), by=BY, state=RuleState.INACTIVE)
            for _name, rule in rules
        ]
        ids = [rule.rule_id for rule in made]
    browsers = signed_in(there, password), signed_in(there, password)
    return tuple(
        _measured(there.times, browsers, name, base, rule_id)
        for (name, _rule), rule_id in zip(rules, ids, strict=True)
    )


def _measured(
    tries: int, browsers: tuple[FlaskClient, FlaskClient], name: str, rules: str, rule_id: str
) -> Panel:
    browser, other = browsers
    theirs = form_values(other, f"{rules}{rule_id}/edit", "rule-form")
    filled = form_values(browser, f"{rules}{rule_id}/edit", "rule-form")
    sizes: list[int] = []

    def counted() -> float:
        start = time.perf_counter()
        answer = browser.post(f"{rules}preview", data=filled, headers=HTMX)
        took = time.perf_counter() - start
        sizes.append(len(answer.data))
        if answer.status_code != 200 or b"would change" not in answer.data:
            raise RuntimeError(f"{name}: the panel says {answer.get_data(as_text=True)}")
        return took

    alone = min(counted() for _ in range(tries))
    beside: list[float] = []

    def count() -> None:
        beside.extend(counted() for _ in range(tries))

    times: list[float] = []
    counting = threading.Thread(target=count)
    begun = time.perf_counter()
    counting.start()
    while counting.is_alive() or not times:
        start = time.perf_counter()
        answer = other.post(f"{rules}rows", data={**theirs, "add": "date"}, headers=HTMX)
        times.append(time.perf_counter() - start)
        if answer.status_code != 200:
            raise RuntimeError(f"{name}: adding a condition answers {answer.status}")
    counting.join()
    if len(beside) != tries:
        raise RuntimeError(f"{name}: the panel could not be had")
    others = summary(times, time.perf_counter() - begun)
    return Panel(name, alone, min(beside), others, min(sizes) / 1000)


def signed_in(there: World, password: str) -> FlaskClient:
    """A browser in which `EMAIL` is signed in."""
    browser = there.app.test_client()
    answer = browser.post(
        "/login", data=form_values(browser, "/login", None) | {"email": EMAIL, "password": password}
    )
    if answer.status_code != 303:
        raise RuntimeError(f"signing in answers {answer.status}")
    return browser


def form_values(browser: FlaskClient, path: str, form: str | None) -> dict[str, str]:
    """What the form of a page would send: the one with an id, else the first."""
    page = html.fromstring(browser.get(path).get_data(as_text=True))
    found = page.forms[0] if form is None else page.get_element_by_id(form)
    return {name: value or "" for name, value in found.form_values()}
