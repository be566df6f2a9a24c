"""Every route says who may use it, and holds to it (SPEC X1). A new one that forgets fails here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import BuildError, Rule

from tests.factories import project as make_project
from tests.factories import unique, web_user
from tests.web.signing_in import basic, signed_in
from webapp.database import write_transaction
from webapp.people.models import Membership, WebUser
from webapp.projects.models import Project, Role
from webapp.projects.rights import Right
from webapp.web.access import SIGNED_IN

#: The only endpoints that anybody may use: how one gets in, files of the site, the supervisor's.
PUBLIC = (
    "login.sign_in",
    "login.take_sign_in",
    "login.sign_out",
    "static",
    "health.healthz",
    "health.readyz",
)


def needs(app: Flask, rule: Rule) -> Any:
    """What the view behind a rule says that it needs; None if it says nothing."""
    return getattr(app.view_functions[rule.endpoint], "needs", None)


def is_machine(app: Flask, rule: Rule) -> bool:
    return getattr(app.view_functions[rule.endpoint], "machine", False)


def forgetful(app: Flask) -> list[str]:
    """The endpoints that are neither public nor say what they need."""
    return sorted(
        {
            rule.endpoint
            for rule in app.url_map.iter_rules()
            if rule.endpoint not in PUBLIC
            and not (isinstance(needs(app, rule), Right) or needs(app, rule) == SIGNED_IN)
        }
    )


def address(app: Flask, rule: Rule, project: Project) -> str:
    """An address that the rule matches, in a project."""
    values: dict[str, Any] = {}
    for name in rule.arguments:
        values[name] = project.name if name == "project_name" else "7"
    for value in ("7", 7):
        try:
            built = rule.build({**values, **{k: value for k in values if k != "project_name"}})
        except (BuildError, ValueError):
            continue
        if built is not None:
            return built[1]
    raise AssertionError(f"{rule} has a part that this test cannot fill in")


def guarded(app: Flask, project: Project) -> Iterator[tuple[Rule, str, str]]:
    """Every rule that is not public, with a method and an address."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, address(app, rule, project)


def all_needs(app: Flask, rule: Rule) -> set[object]:
    """All rights that a route needs: the APIs that answer with JSON want one more."""
    json = is_machine(app, rule) and rule.rule.startswith("/a/<project_name>/api/")
    return {needs(app, rule), *([Right.API_ACCESS] if json else [])}


def test_rights_that_no_route_needs(app: Flask):
    needed = {each for rule in app.url_map.iter_rules() for each in all_needs(app, rule)}
    assert set(Right) - needed == UNUSED


def member_without(project: Project, right: Right) -> WebUser:
    """A web user whose role in the project has all rights but one."""
    user = web_user()
    with write_transaction() as session:
        rights = [each.value for each in Right if each is not right]
        role = Role(project_id=project.id, name=unique("all-but"), rights=rights)
        session.add(role)
        session.flush()
        session.add(Membership(project_id=project.id, web_user_id=user.id, role_id=role.id))
    return user


@pytest.fixture
def no_csrf(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk is about rights; the tokens have a test of their own below."""
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", False)


def test_every_route_says_what_it_needs(app: Flask):
    assert forgetful(app) == []


def test_a_route_that_says_nothing_is_found():
    app = Flask("forgetful", static_folder=None)
    app.add_url_rule("/a/<project_name>/secret/", "secret", lambda project_name: project_name)
    assert forgetful(app) == ["secret"]


def test_public_endpoints_are_there(app: Flask):
    assert set(PUBLIC) <= set(app.view_functions), "a name that is gone must leave the list"


@pytest.mark.usefixtures("no_csrf")
def test_anonymous_people_sign_in_first_and_machines_are_challenged(app: Flask, project: Project):
    client = app.test_client()
    faults = []
    for rule, method, url in guarded(app, project):
        answer = client.open(url, method=method)
        if is_machine(app, rule):
            good = answer.status_code == 401 and "Basic" in answer.headers["WWW-Authenticate"]
            good = good and not answer.headers.getlist("Set-Cookie")
        else:
            good = answer.status_code == 303 and answer.headers["Location"].startswith("/login")
        if not good:
            faults.append(f"{method} {url}: {answer.status}")
    assert not faults


@pytest.mark.usefixtures("no_csrf", "session")
def test_a_project_does_not_exist_for_people_of_other_projects(app: Flask, project: Project):
    web_user(project)
    stranger = web_user(make_project())
    browser = signed_in(app, stranger).client
    faults = []
    for rule, method, url in guarded(app, project):
        if "project_name" not in rule.arguments:
            continue
        headers = basic(stranger.email) if is_machine(app, rule) else {}
        answer = browser.open(url, method=method, headers=headers)
        nowhere = url.replace(project.name, "no-such-project")
        same = browser.open(nowhere, method=method, headers=headers)
        if (answer.status_code, same.status_code) != (404, 404):
            faults.append(f"{method} {url}: {answer.status}, {same.status}")
    assert not faults


#: Rights that no route needs yet; one that does lets its right leave.
UNUSED: set[Right] = set()


@pytest.mark.usefixtures("no_csrf")
@pytest.mark.parametrize("right", [right for right in Right if right not in UNUSED])
def test_a_member_without_the_right_hears_which_it_is(
    app: Flask, session: Session, project: Project, right: Right
):
    routes = [route for route in guarded(app, project) if right in all_needs(app, route[0])]
    assert routes
    member = member_without(project, right)
    browser = signed_in(app, member).client
    faults = []
    for rule, method, url in routes:
        headers = basic(member.email) if is_machine(app, rule) else {}
        answer = browser.open(url, method=method, headers=headers)
        if answer.status_code != 403 or f"“{right.label}”" not in answer.text:
            faults.append(f"{method} {url}: {answer.status}")
    assert not faults


def test_every_post_of_a_page_wants_the_token(app: Flask, session: Session, project: Project):
    browser = signed_in(app, web_user(project)).client
    faults = []
    for rule, method, url in guarded(app, project):
        if method == "POST" and not is_machine(app, rule):
            answer = browser.post(url, data={"csrf_token": "forged"})
            if answer.status_code != 400:
                faults.append(f"{url}: {answer.status}")
    public = ("/login", "/logout")
    faults += [url for url in public if browser.post(url).status_code != 400]
    assert not faults


def test_what_changes_something_is_a_post(app: Flask):
    odd = {
        str(rule)
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) - {"GET", "HEAD", "OPTIONS", "POST"}
    }
    others = {"/a/<project_name>/api/rules/v1/<rule_id>/"}
    assert odd == others, "pages know GET and POST; an API's other verbs belong into this list"
