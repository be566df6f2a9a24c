"""Rules over HTTP: make, read, change, preview, explain, run (SPEC I7)."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.api.callers import STALE, Caller, calling, rule, with_key
from tests.factories import mobile_worker, web_user
from tests.factories import project as make_project
from tests.forms import open_case
from tests.web.signing_in import basic, signed_in
from webapp.api import asked, rules_v1
from webapp.projects.models import Project
from webapp.rules.preview import preview

EXTRA = {"id", "version", "last_run", "last_attempt", "next_run"}
#: Every route with its method, and whether it writes. `7` is no rule.
ROUTES = (
    ("GET", "rules/v1/", False),
    ("POST", "rules/v1/", True),
    ("GET", "rules/v1/7/", False),
    ("PUT", "rules/v1/7/", True),
    ("DELETE", "rules/v1/7/", True),
    ("POST", "rules/v1/7/activate/", True),
    ("POST", "rules/v1/7/deactivate/", True),
    ("POST", "rules/v1/preview/", False),
    ("POST", "rules/v1/7/preview/", False),
    ("GET", "rules/v1/7/explain/?case_id=a", False),
    ("POST", "rules/v1/7/runs/", True),
    ("GET", "runs/v1/", False),
    ("GET", "runs/v1/7/", False),
    ("POST", "runs/v1/7/stop/", True),
    ("POST", "runs/v1/7/resume/", True),
    ("POST", "runs/v1/7/undo/", True),
    ("POST", "runs/v1/7/redo/", True),
)


@pytest.fixture
def caller(client: FlaskClient, project: Project) -> Caller:
    return calling(client, project)


@pytest.fixture
def three_patients(session: Session, project: Project) -> None:
    """Two that the rule matches (one has the reason already), and one that it does not."""
    open_case(session, project.id, "a", status="completed", edd="2020-01-01")
    open_case(
        session, project.id, "b", status="completed", edd="2020-01-02", close_reason="automatic"
    )
    open_case(session, project.id, "c", status="completed", edd="soon")


def made(caller: Caller, **changes: Any) -> dict[str, Any]:
    """A rule that was made, as the API says it."""
    answer = caller.post("rules/v1/", rule(**changes))
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.get_json()
    return document


# Who may


@pytest.mark.parametrize(("method", "path", "writes"), ROUTES)
def test_rights(client: FlaskClient, project: Project, method: str, path: str, writes: bool):
    viewer = calling(client, project, "viewer")
    stranger = Caller(client, project, basic(web_user(make_project()).email))
    worker = Caller(client, project, basic(mobile_worker(project).username))
    reader = with_key(client, project, read_only=True)
    body = rule() if path in {"rules/v1/", "rules/v1/preview/"} and method == "POST" else None

    anonymous = Caller(client, project).send(method, path, body)
    assert anonymous.status_code == 401
    assert anonymous.headers["WWW-Authenticate"].startswith("Basic ")
    assert anonymous.get_json()["error"]
    assert not anonymous.headers.getlist("Set-Cookie")

    assert stranger.send(method, path, body).status_code == 404

    refused = viewer.send(method, path, body)
    assert refused.status_code == 403
    assert f"“{'Edit data' if writes else 'API access'}”" in refused.get_json()["error"]

    no_member = worker.send(method, path, body)
    assert no_member.status_code == 403
    assert f"“{'Edit data' if writes else 'View'}”" in no_member.get_json()["error"]

    with_reading_key = reader.send(method, path, body)
    if writes:
        assert with_reading_key.status_code == 403
        assert with_reading_key.get_json()["error"] == (
            "This needs the right “Edit data”, and this key can only read."
        )
    else:
        assert with_reading_key.status_code in {200, 404}


@pytest.mark.parametrize("scheme", ["ApiKey", "apikey", "APIKEY"])
def test_a_key_in_any_case_of_the_scheme(client: FlaskClient, project: Project, scheme: str):
    caller = with_key(client, project, scheme=scheme)
    assert made(caller)["name"] == STALE["name"]
    assert caller.get("rules/v1/").status_code == 200


def test_the_session_of_the_web_site_opens_nothing(app: Flask, session: Session, project: Project):
    browser = signed_in(app, web_user(project)).client
    assert browser.get(f"/a/{project.name}/api/rules/v1/").status_code == 401


@pytest.mark.parametrize(("method", "path", "writes"), ROUTES)
def test_every_path_works_without_its_slash_directly(
    caller: Caller, method: str, path: str, writes: bool
):
    bare = path.replace("/?", "?") if "?" in path else path.removesuffix("/")
    body = rule() if path in {"rules/v1/", "rules/v1/preview/"} and method == "POST" else None
    with_slash, without = caller.send(method, path, body), caller.send(method, bare, body)
    assert with_slash.status_code == without.status_code
    assert without.status_code in {200, 201, 400, 404}
    assert without.is_json


# What a rule is


def test_a_rule_is_made_read_changed_and_deleted(caller: Caller):
    answer = caller.post("rules/v1/", rule())
    assert answer.status_code == 201
    new = answer.get_json()
    assert set(new) >= set(STALE) | {"state"} | EXTRA
    assert {name: new[name] for name in STALE} == STALE
    assert (new["state"], new["version"]) == ("draft", 1)
    assert (new["last_run"], new["last_attempt"], new["next_run"]) == (None, None, None)
    path = f"rules/v1/{new['id']}/"
    assert answer.headers["Location"].endswith(path)
    assert caller.get(path).get_json() == new

    changed = caller.put(path, new | {"name": "Close them"})
    assert changed.status_code == 200
    assert changed.get_json() == new | {"name": "Close them", "version": 2}
    assert caller.put(path, changed.get_json()).get_json()["version"] == 2, "nothing changed"

    assert caller.delete(path).status_code == 204
    assert caller.get(path).status_code == 404
    assert caller.delete(path).status_code == 404
    assert caller.get("rules/v1/").get_json()["meta"]["total_count"] == 0


def test_a_change_of_what_somebody_else_has_changed_is_refused(caller: Caller):
    first = made(caller)
    path = f"rules/v1/{first['id']}/"
    assert caller.put(path, first | {"name": "Mine"}).status_code == 200
    late = caller.put(path, first | {"name": "Yours"})
    assert late.status_code == 409
    assert late.get_json()["error"]
    without = {name: value for name, value in first.items() if name not in EXTRA}
    assert caller.put(path, without | {"name": "Yours"}).get_json()["name"] == "Yours"


def test_the_state_is_as_given(caller: Caller):
    active = made(caller, state="active")
    assert active["state"] == "active"
    path = f"rules/v1/{active['id']}/"
    assert caller.put(path, rule()).get_json()["state"] == "active", "none was given"
    assert caller.put(path, rule(state="watching")).get_json()["state"] == "watching"
    assert caller.get(path).get_json()["version"] == 1, "a state makes no version"


def test_activate_and_deactivate(caller: Caller):
    path = f"rules/v1/{made(caller)['id']}/"
    for verb, state in (("activate", "active"), ("deactivate", "inactive")):
        for _twice in range(2):
            answer = caller.post(f"{path}{verb}/")
            assert (answer.status_code, answer.get_json()["state"]) == (200, state)


def test_the_list_is_in_the_order_of_the_runs_and_comes_in_parts(caller: Caller):
    ids = [made(caller, name=f"Rule {number}")["id"] for number in range(5)]
    whole = caller.get("rules/v1/").get_json()
    assert [each["id"] for each in whole["objects"]] == ids
    assert whole["meta"] == {
        "limit": 20, "offset": 0, "total_count": 5, "next": None, "previous": None,
    }  # fmt: skip
    found, query = [], "?limit=2"
    while query:
        part = caller.get(f"rules/v1/{query}").get_json()
        found += [each["id"] for each in part["objects"]]
        query = part["meta"]["next"]
    assert found == ids
    assert part["meta"]["previous"] == "?limit=2&offset=2"
    assert caller.get("rules/v1/?offset=99").get_json()["objects"] == []
    assert caller.get("rules/v1/?limit=0").get_json()["meta"]["limit"] == 1000
    assert caller.get("rules/v1/?limit=99999").get_json()["meta"]["limit"] == 1000


def test_the_list_by_name_type_and_state(caller: Caller):
    first = made(caller, name="Close patients", state="active")["id"]
    second = made(caller, name="Tidy", case_type="household")["id"]

    def ids(query: str) -> list[str]:
        return [each["id"] for each in caller.get(f"rules/v1/?{query}").get_json()["objects"]]

    assert ids("state=active") == [first]
    assert ids("case_type=household") == [second]
    assert ids("name=CLOSE") == [first]
    assert ids("name=zebra") == []
    assert ids("state=&format=json") == [first, second]


def test_rules_of_other_projects_do_not_exist(client: FlaskClient, caller: Caller):
    there = made(calling(client, make_project()))["id"]
    assert caller.get("rules/v1/").get_json()["objects"] == []
    for method, path in (
        ("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "activate/"), ("POST", "deactivate/"),
        ("POST", "preview/"), ("GET", "explain/?case_id=a"), ("POST", "runs/"),
    ):  # fmt: skip
        answer = caller.send(
            method, f"rules/v1/{there}/{path}", rule() if method == "PUT" else None
        )
        assert answer.status_code == 404, path
        assert answer.get_json()["error"]


# What would happen


@pytest.mark.usefixtures("three_patients")
def test_preview_of_a_rule_that_is_not_saved(client: FlaskClient, project: Project, caller: Caller):
    for each in (caller, with_key(client, project, read_only=True)):
        answer = each.post("rules/v1/preview/", rule())
        assert answer.status_code == 200
        document = answer.get_json()
        counts = {name: document[name] for name in (
            "as_of", "open_cases", "matched", "would_change", "would_close", "related_updates",
            "submissions",
        )}  # fmt: skip
        assert counts == {
            "as_of": None, "open_cases": 3, "matched": 2, "would_change": 2, "would_close": 2,
            "related_updates": 0, "submissions": 2,
        }  # fmt: skip
        assert [step["left"] for step in document["funnel"]] == [3, 2]
        assert all(step["criterion"] for step in document["funnel"])
        assert [row["count"] for row in document["unreadable"]] == [1]
        assert document["cases"] == [
            {
                "case_id": "a",
                "name": document["cases"][0]["name"],
                "closes": True,
                "changes": [
                    {
                        "case_id": "a",
                        "property": "close_reason",
                        "before": None,
                        "after": "automatic",
                    }
                ],
            },
            {
                "case_id": "b",
                "name": document["cases"][1]["name"],
                "closes": True,
                "changes": [],
            },
        ]
    assert caller.get("rules/v1/").get_json()["objects"] == []


@pytest.mark.usefixtures("three_patients")
def test_preview_says_what_each_criterion_matches_where_any_will_do(caller: Caller):
    document = caller.post("rules/v1/preview/", rule(match="any")).get_json()
    assert [step["matches"] for step in document["funnel"]] == [3, 2]
    assert document["matched"] == 3


@pytest.mark.usefixtures("three_patients")
def test_a_preview_warns_of_what_may_be_a_mistake(caller: Caller):
    assert caller.post("rules/v1/preview/", rule()).get_json()["warnings"] == []
    criteria = [{"kind": "property", "property": "statuss", "operator": "has_no_value"}]
    made = caller.post("rules/v1/", rule(criteria=criteria)).get_json()
    for answer in (
        caller.post("rules/v1/preview/", rule(name="Another", criteria=criteria)),
        caller.post(f"rules/v1/{made['id']}/preview/"),
    ):
        (warning,) = answer.get_json()["warnings"]
        assert warning.endswith("Did you mean “status”?")


def test_a_preview_that_is_too_slow_says_so(monkeypatch: pytest.MonkeyPatch, caller: Caller):
    monkeypatch.setattr(rules_v1, "preview", partial(preview, limit_s=0))
    answer = caller.post("rules/v1/preview/", rule())
    assert answer.status_code == 503
    assert answer.get_json()["error"].startswith("This is too slow to count")
    assert answer.headers["Retry-After"]


@pytest.mark.usefixtures("three_patients")
def test_preview_and_explain_at_another_time(caller: Caller):
    path = f"rules/v1/{made(caller)['id']}/"
    before, then = "2019-06-01", "2020-02-01T00:00:00.000000Z"
    assert caller.post(f"{path}preview/").get_json()["matched"] == 2
    for answer in (
        caller.post(f"{path}preview/?as_of={before}"),
        caller.post(f"{path}preview/", {"as_of": before}),
        caller.post(f"{path}preview/?as_of={before}", {"as_of": before}),
        caller.post(f"rules/v1/preview/?as_of={before}", rule()),
        caller.post(f"{path}preview/?as_of=2019-06-01T03:00:00+03:00"),
        caller.post(f"{path}preview/?as_of=2019-06-01T03:00:00%2B03:00"),
    ):
        document = answer.get_json()
        assert document["matched"] == 0
        assert document["as_of"] == "2019-06-01T00:00:00.000000Z"
    explained = caller.get(f"{path}explain/?case_id=a&as_of={then}").get_json()
    assert (explained["matches"], explained["as_of"]) == (True, then)
    explained = caller.get(f"{path}explain/?case_id=a&as_of={before}").get_json()
    assert (explained["matches"], explained["changes"]) == (False, [])


@pytest.mark.usefixtures("three_patients")
def test_explain(caller: Caller):
    path = f"rules/v1/{made(caller)['id']}/explain/"
    explained = caller.get(f"{path}?case_id=a").get_json()
    assert (explained["matches"], explained["reason"], explained["as_of"]) == (True, None, None)
    assert [each["matches"] for each in explained["criteria"]] == [True, True]
    assert [each["found"] for each in explained["criteria"]] == ["completed", "2020-01-01"]
    assert all(each["words"] and each["wanted"] for each in explained["criteria"])
    assert explained["changes"] == [
        {"case_id": "a", "property": "close_reason", "before": None, "after": "automatic"}
    ]
    explained = caller.get(f"{path}?case_id=c").get_json()
    assert [each["matches"] for each in explained["criteria"]] == [True, False]
    assert (explained["matches"], explained["changes"]) == (False, [])
    assert caller.get(f"{path}?case_id=nobody").status_code == 404
    missing = caller.get(path)
    assert (missing.status_code, set(missing.get_json()["fields"])) == (400, {"case_id"})


def test_explain_says_why_a_case_is_not_looked_at(
    session: Session, project: Project, caller: Caller
):
    open_case(session, project.id, "a", status="completed")
    path = f"rules/v1/{made(caller, case_type='household')['id']}/explain/?case_id=a"
    explained = caller.get(path).get_json()
    assert explained["matches"] is False
    assert "patient" in explained["reason"]


def test_explain_says_what_would_be_an_error(session: Session, project: Project, caller: Caller):
    open_case(session, project.id, "a", title="x" * 300)
    body = rule(
        match="every_case",
        criteria=[],
        actions=[{"kind": "copy", "property": "name", "from": "title"}],
    )
    path = f"rules/v1/{caller.post('rules/v1/', body).get_json()['id']}"
    explained = caller.get(f"{path}/explain/?case_id=a").get_json()
    assert (explained["matches"], explained["changes"]) == (True, [])
    assert "255" in explained["problem"]
    assert caller.post(f"{path}/preview/").get_json()["errors"] == 1


# What is wrong


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 127}, "name"),
        ({"name": 5}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": None}, "name"),
        ({"case_type": ""}, "case_type"),
        ({"match": "some"}, "match"),
        ({"match": ["all"]}, "match"),
        ({"criteria": []}, "criteria"),
        ({"criteria": "status"}, "criteria"),
        ({"criteria": {}}, "criteria"),
        ({"criteria": [5]}, "criteria[0]"),
        ({"criteria": [{"kind": "magic"}]}, "criteria[0].kind"),
        ({"criteria": [STALE["criteria"][0], {"kind": "property", "property": "a",
                                              "operator": "like", "value": "x"}]},
         "criteria[1].operator"),
        ({"criteria": [{"kind": "not_modified_since", "days": 10**100}]}, "criteria[0].days"),
        ({"criteria": [{"kind": "not_modified_since", "days": 1.5}]}, "criteria[0].days"),
        ({"criteria": [{"kind": "not_modified_since", "days": True}]}, "criteria[0].days"),
        ({"criteria": [{"kind": "not_modified_since", "days": "30"}]}, "criteria[0].days"),
        ({"criteria": [{"kind": "parent_closed", "colour": 1}]}, "criteria[0].colour"),
        ({"criteria": [{"kind": "property", "property": "a b", "operator": "has_value"}]},
         "criteria[0].property"),
        ({"actions": []}, "actions"),
        ({"actions": [{"kind": "set", "property": "case_type", "value": "x"}]},
         "actions[0].property"),
        ({"actions": [{"kind": "set", "property": "x", "value": {}}]}, "actions[0].value"),
        ({"state": "asleep"}, "state"),
        ({"state": 1}, "state"),
        ({"colour": "blue"}, "colour"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused_by_its_path(
    caller: Caller, changes: dict[str, Any], field: str
):
    good = f"rules/v1/{made(caller)['id']}/"
    for answer in (
        caller.post("rules/v1/", rule(**changes)),
        caller.post("rules/v1/preview/", rule(**changes)),
        caller.put(good, rule(**changes)),
    ):
        assert answer.status_code == 400, answer.text
        document = answer.get_json()
        assert document["error"]
        assert field in document["fields"], document
        assert all(document["fields"].values())
    assert caller.get("rules/v1/").get_json()["meta"]["total_count"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b"5",
        b'"rule"',
        b"{",
        b"\xff\xfe",
        b'{"name": NaN}',
        b'{"name": 1e999}',
        b'{"name": ' + b"9" * 10_000 + b"}",
        b'{"name": "\\ud800"}',
        b'{"\\ud800": "x"}',
        b'{"name": "a", "name": "b"}',
        b'{"criteria": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"criteria":' * 100_000,
        json.dumps({"criteria": [[[[[[[[[{}]]]]]]]]]}).encode(),
    ],
)
def test_hostile_json_is_a_400_that_says_so(caller: Caller, body: bytes):
    path = f"rules/v1/{made(caller)['id']}/"
    for method, where in (("POST", "rules/v1/"), ("POST", "rules/v1/preview/"), ("PUT", path)):
        answer = caller.send(method, where, body)
        assert answer.status_code == 400, answer.text[:300]
        assert answer.get_json()["error"]
        assert isinstance(answer.get_json()["fields"], dict)


@pytest.mark.parametrize(
    "body",
    [[], 5, "x", {"colour": 1}, {"as_of": 5}, {"as_of": ["2020-01-01"]}, {"as_of": "tomorrow"},
     {"as_of": "2020-02-30"}, {"as_of": "9999-12-31"}, {"as_of": "2020-01-01\0"},
     {"confirm_changes": "5"}],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["preview", "runs"])
def test_a_body_that_is_no_rule_has_nothing_but_as_of(caller: Caller, verb: str, body: Any):
    path = f"rules/v1/{made(caller)['id']}/{verb}/"
    answer = caller.post(path, body)
    assert answer.status_code == 400, answer.text
    assert answer.get_json()["error"]
    assert caller.get("runs/v1/").get_json()["objects"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("as_of=tomorrow", "as_of"),
        ("as_of=2020-01-01&as_of=2020-01-02", "as_of"),
        ("as_off=2020-01-01", "as_off"),
    ],
)
def test_an_unreadable_moment_or_an_unknown_parameter_is_refused(
    caller: Caller, query: str, field: str
):
    path = f"rules/v1/{made(caller)['id']}"
    for answer in (
        caller.post(f"{path}/preview/?{query}"),
        caller.post(f"rules/v1/preview/?{query}", rule()),
        caller.post(f"{path}/runs/?{query}"),
        caller.get(f"{path}/explain/?case_id=a&{query}"),
    ):
        assert answer.status_code == 400
        assert set(answer.get_json()["fields"]) == {field}


def test_two_moments_are_one_too_many(caller: Caller):
    path = f"rules/v1/{made(caller)['id']}/preview/?as_of=2020-01-01"
    answer = caller.post(path, {"as_of": "2020-01-02"})
    assert (answer.status_code, set(answer.get_json()["fields"])) == (400, {"as_of"})


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=-1", "offset=-1", "offset=1.5", "limit=9999999999", "offset=٣",
              "state=asleep", "colour=blue", "limit=1&limit=2"],
)  # fmt: skip
@pytest.mark.parametrize("what", ["rules", "runs"])
def test_a_list_that_cannot_be_asked_for(caller: Caller, what: str, query: str):
    answer = caller.get(f"{what}/v1/?{query}")
    assert answer.status_code == 400
    assert set(answer.get_json()["fields"]) == {query.partition("=")[0]}


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, 2**31, 10**30, [1]])
def test_a_version_is_a_number(caller: Caller, version: Any):
    rule_id = made(caller)["id"]
    answer = caller.put(f"rules/v1/{rule_id}/", rule(version=version))
    assert (answer.status_code, set(answer.get_json()["fields"])) == (400, {"version"})


def test_a_rule_is_not_put_in_the_place_of_another(caller: Caller):
    first, second = made(caller), made(caller, name="Other")
    answer = caller.put(f"rules/v1/{first['id']}/", second)
    assert (answer.status_code, set(answer.get_json()["fields"])) == (400, {"id"})


def test_only_json_is_read(caller: Caller, monkeypatch: pytest.MonkeyPatch):
    raw = json.dumps(rule()).encode()
    for kind in ("application/x-www-form-urlencoded", "text/plain", "", "multipart/form-data"):
        answer = caller.send("POST", "rules/v1/", raw, kind)
        assert (answer.status_code, answer.is_json) == (415, True)
    for kind in ("application/json; charset=utf-8", "application/vnd.api+json"):
        assert caller.send("POST", "rules/v1/", raw, kind).status_code == 201
    monkeypatch.setattr(asked, "LARGEST", 1000)
    answer = caller.send("POST", "rules/v1/", raw + b" " * 1000)
    assert (answer.status_code, answer.is_json) == (413, True)


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "rules/v1/7/"), ("DELETE", "rules/v1/"), ("PUT", "runs/v1/7/")]
)
def test_a_method_that_is_not_there(caller: Caller, method: str, path: str):
    answer = caller.send(method, path, None)
    assert answer.status_code == 405
    assert answer.get_json()["error"]
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("rule_id", ["7", "x" * 400, "%20", "..", "a%2Fb", "💥", "%ff"])
def test_an_id_that_no_rule_has(caller: Caller, rule_id: str):
    for method, verb in (("GET", ""), ("DELETE", ""), ("POST", "activate/"), ("POST", "runs/")):
        answer = caller.send(method, f"rules/v1/{rule_id}/{verb}", None)
        assert answer.status_code == 404
        assert answer.get_json()["error"]
