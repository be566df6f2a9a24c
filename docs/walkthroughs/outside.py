"""Casekeeper from outside, for the walk-throughs: the receiver, the API and the command line.

Wants Python 3.11 or newer and nothing else. Forms go to the receiver and rules to the API as from
any program, and what became of the cases is read with the commands of `flask --app webapp`.
"""

from __future__ import annotations

import http.client
import json
import shlex
import ssl
import subprocess
import time
import urllib.parse
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

CASE_XMLNS = "http://commcarehq.org/case/transaction/v2"
META_XMLNS = "http://openrosa.org/jr/xforms"
RULE_XMLNS = "http://commcarehq.org/hq_case_update_rule"

#: The folder with `webapp`: where commands are given.
ROOT = Path(__file__).resolve().parents[2]
#: So long the worker may take for a run or an undo.
PATIENCE_S = 300.0
#: An idle connection is used again for so long.
KEPT_S = 1.0
#: So many cases are read by one command.
AT_ONCE = 500


class Stop(Exception):
    """The walk cannot go on; the message says why."""


class NewCase(NamedTuple):
    """A case to be sent. `parent` is the id and type of its parent."""

    case_id: str
    case_type: str
    name: str
    properties: Mapping[str, str]
    parent: tuple[str, str] | None = None


class Server:
    """A project of a running server, used with a key over one connection that is kept open."""

    def __init__(self, url: str, project: str, key: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Stop("--url must look like http://127.0.0.1:5000")
        self._base = f"{parts.path.rstrip('/')}/a/{project}/"
        self._key = key.removeprefix("ApiKey ")
        self._last = 0.0
        if parts.scheme == "https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=60, context=ssl.create_default_context()
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)

    def send(self, case: NewCase) -> None:
        """Send a form that opens a case. Raises Stop when it is not processed."""
        status, body = self._ask("POST", "receiver/", form_for(case), "text/xml; charset=utf-8")
        if status != 201:
            raise Stop(f"The form of {case.case_id} was not processed ({status}): {_words(body)}")

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the API and return what it answers. Raises Stop for an error."""
        sent = b"" if body is None else json.dumps(body).encode()
        status, answer = self._ask(method, f"api/{path}", sent, "application/json")
        if status >= 300:
            raise Stop(f"{method} {path} was answered with {status}: {_words(answer)}")
        return json.loads(answer)

    def run(self, rule_id: str, as_of: str, changes: int) -> dict[str, Any]:
        """Queue a run of a rule, wait until the worker has done it, and return it. `changes` is how
        many cases it may change: over its brake, a rule is run only with that number."""
        asked = {"as_of": as_of, "confirm_changes": changes}
        queued = self.api("POST", f"rules/v1/{rule_id}/runs/", asked)
        return self._when(queued["id"], lambda run: run["state"])

    def undo(self, run: int) -> dict[str, Any]:
        """Take a run back, and return it when the worker has done that."""
        self.api("POST", f"runs/v1/{run}/undo/", {"reason": "A walk-through"})
        return self._when(run, lambda one: one["undo"]["state"])

    def redo(self, run: int) -> dict[str, Any]:
        """Take the undo back, and return the run when the worker has done that."""
        self.api("POST", f"runs/v1/{run}/redo/")
        return self._when(run, lambda one: one["undo"]["state"])

    def _when(self, run: int, state: Any) -> dict[str, Any]:
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            document: dict[str, Any] = self.api("GET", f"runs/v1/{run}/")
            if state(document) in {"finished", "stopped", "failed", "held"}:
                return document
            time.sleep(0.2)
        raise Stop(f"Run {run} is not over after {PATIENCE_S:.0f} s. Does a worker run?")

    def _ask(self, method: str, path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
        headers = {"Authorization": f"ApiKey {self._key}", "Content-Type": content_type}
        if time.monotonic() > self._last + KEPT_S:
            self._connection.close()  # the server has, perhaps; asking begins another
        try:
            self._connection.request(method, self._base + path, body, headers)
            answer = self._connection.getresponse()
            status, words = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Stop(f"The server cannot be reached: {error or type(error).__name__}") from error
        self._last = time.monotonic()
        return status, words


def form_for(case: NewCase) -> bytes:
    """The form that opens a case, without times: they are those of its arrival."""
    properties = "".join(
        f"<{name}>{escape(value, {chr(13): '&#13;'})}</{name}>"
        for name, value in case.properties.items()
    )
    index = ""
    if case.parent is not None:
        parent, parent_type = case.parent
        index = (
            f"<index><parent case_type={quoteattr(parent_type)}>{escape(parent)}</parent></index>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<data xmlns="http://casekeeper/walkthroughs" name="Row of a CSV file">'
        f"<case xmlns={quoteattr(CASE_XMLNS)} case_id={quoteattr(case.case_id)}>"
        f"<create><case_type>{escape(case.case_type)}</case_type>"
        f"<case_name>{escape(case.name)}</case_name></create>"
        f"<update>{properties}</update>{index}</case>"
        f"<meta xmlns={quoteattr(META_XMLNS)}><instanceID>{uuid.uuid4()}</instanceID></meta></data>"
    ).encode()


class CommandLine:
    """The commands of Casekeeper for one project, on the machine where its data is."""

    def __init__(self, command: str, project: str) -> None:
        self._command = shlex.split(command)
        self._project = ("--project", project)

    def cases(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """All that `case show` says of cases, by id."""
        wanted = list(ids)
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            shown = self._json("case", "show", *self._project, "--json", *some)
            found |= {case["id"]: case for case in shown.get("cases", [shown])}
        return found

    def archive(self, form: str) -> None:
        """Archive a form."""
        self._json("forms", "archive", *self._project, "--reason", "By hand", "--json", form)

    def verify(self) -> str:
        """What `verify` says; raises Stop when it finds anything."""
        ran = self._run("verify", *self._project)
        if ran.returncode:
            raise Stop(f"verify: {ran.stdout}{ran.stderr}")
        return " ".join(ran.stdout.split())

    def _json(self, *words: str) -> dict[str, Any]:
        ran = self._run(*words)
        if ran.returncode:
            raise Stop(f"{' '.join(words[:2])}: {ran.stdout}{ran.stderr}")
        document: dict[str, Any] = json.loads(ran.stdout)
        return document

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [*self._command, *words]
        return subprocess.run(  # noqa: S603  # the command that the person gave
            command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
        )


def _words(body: bytes) -> str:
    return body.decode("utf-8", "replace")[:300]
