"""How the events of the audit log read on pages and in files (SPEC X3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as later

from webapp.audit.models import AuditEvent
from webapp.audit.tags import Tag
from webapp.clock import iso
from webapp.web.formatting import number

#: What was done, as lists and filters say it. Every tag has its words.
WORDS: dict[Tag, Any] = {
    Tag.PROJECT_CREATE: later("Project made"),
    Tag.PROJECT_SET: later("Settings changed"),
    Tag.PROJECT_TELL: later("Who is told by e-mail changed"),
    Tag.DEMO_BEGIN: later("Demo begun"),
    Tag.DEMO_END: later("Demo finished"),
    Tag.WEB_USER_CREATE: later("Web user made"),
    Tag.WEB_USER_PASSWORD: later("Password of a web user set"),
    Tag.WEB_USER_SET: later("Web user changed"),
    Tag.WEB_USER_LOGIN: later("Signed in"),
    Tag.MEMBER_ADD: later("Member added"),
    Tag.MEMBER_SET: later("Role of a member changed"),
    Tag.MEMBER_REMOVE: later("Member removed"),
    Tag.LETTER_TEST: later("Test mail asked for"),
    Tag.WORKER_CREATE: later("Mobile worker made"),
    Tag.WORKER_SET: later("Mobile worker changed"),
    Tag.WORKER_FETCH: later("Cases of a worker’s phone fetched in the worker’s name"),
    Tag.WORKERS_IMPORT: later("Mobile workers imported"),
    Tag.WORKERS_EXPORT: later("Mobile workers exported"),
    Tag.GROUP_CREATE: later("Group made"),
    Tag.GROUP_SET: later("Group changed"),
    Tag.GROUP_ADD: later("Workers put into a group"),
    Tag.GROUP_REMOVE: later("Workers taken out of a group"),
    Tag.GROUP_DELETE: later("Group deleted"),
    Tag.GROUP_UNDELETE: later("Group brought back"),
    Tag.GROUPS_IMPORT: later("Groups imported"),
    Tag.GROUPS_EXPORT: later("Groups exported"),
    Tag.LEVEL_CREATE: later("Level of locations made"),
    Tag.LEVEL_SET: later("Level of locations changed"),
    Tag.LEVEL_DELETE: later("Level of locations deleted"),
    Tag.LOCATION_CREATE: later("Location made"),
    Tag.LOCATION_SET: later("Location changed"),
    Tag.LOCATION_MOVE: later("Location moved"),
    Tag.LOCATION_ARCHIVE: later("Location archived"),
    Tag.LOCATION_UNARCHIVE: later("Location brought back"),
    Tag.API_KEY_CREATE: later("API key made"),
    Tag.API_KEY_REVOKE: later("API key revoked"),
    Tag.SUBMISSION_ARCHIVE: later("Form archived"),
    Tag.SUBMISSION_RESTORE: later("Form restored"),
    Tag.SUBMISSION_REPROCESS: later("Form processed again"),
    Tag.SUBMISSION_EDIT: later("Form edited"),
    Tag.JOB_QUEUE: later("Job queued"),
    Tag.JOB_START: later("Job begun"),
    Tag.JOB_END: later("Job ended"),
    Tag.JOB_STOP: later("Job stopped by a person"),
    Tag.JOB_RESUME: later("Job resumed"),
    Tag.JOB_DOWNLOAD: later("File of an export downloaded"),
    Tag.CASE_REBUILD: later("Cases rebuilt"),
    Tag.CASE_TYPE_ADD: later("Case type added to the dictionary"),
    Tag.CASE_TYPE_SET: later("Case type described"),
    Tag.PROPERTY_ADD: later("Property added to the dictionary"),
    Tag.PROPERTY_SET: later("Property described"),
    Tag.DICTIONARY_IMPORT: later("Dictionary imported"),
    Tag.RULE_CREATE: later("Rule made"),
    Tag.RULE_EDIT: later("Rule changed"),
    Tag.RULE_STATE: later("Rule switched"),
    Tag.RULE_DELETE: later("Rule deleted"),
    Tag.RULE_UNDELETE: later("Rule brought back"),
    Tag.RULE_DUPLICATE: later("Rule duplicated"),
    Tag.RULE_MOVE: later("Rule moved in the order"),
    Tag.NIGHT_BEGIN: later("Night begun"),
    Tag.RUN_QUEUE: later("Run queued"),
    Tag.RUN_START: later("Run begun"),
    Tag.RUN_END: later("Run ended"),
    Tag.RUN_STOP: later("Run stopped by a person"),
    Tag.RUN_RESUME: later("Run resumed"),
    Tag.RUN_UNDO: later("Undo of a run asked for"),
    Tag.RUN_REDO: later("Undo of a run taken back"),
    Tag.RUN_HOLD: later("Run held by its brake"),
    Tag.RUN_APPROVE: later("Held run approved"),
    Tag.RUN_REJECT: later("Held run rejected"),
    Tag.RUN_EXPIRE: later("Held run expired"),
    Tag.RUN_SUPERSEDE: later("A later run took the place of a stopped one"),
}


@dataclass(frozen=True, slots=True)
class Detail:
    """One value that an event tells of: before and after, each None where it says nothing."""

    name: str
    before: str | None
    after: str | None


def event_words(event: AuditEvent) -> str:
    """What was done; the tag itself for one that only an older version knew."""
    return str(WORDS[Tag(event.tag)]) if event.tag in WORDS else event.tag


def details(event: AuditEvent) -> list[Detail]:
    """What the event says of before and after, value by value. What stayed the same is left out,
    and so are counts of nothing, and the rule of a run, which `about_words` names."""
    before, after = event.before or {}, event.after or {}
    return [
        Detail(name.replace("_", " "), _value(before, name), _value(after, name))
        for name in dict.fromkeys([*before, *after])
        if name != "rule" and (before[name] != after.get(name) if name in before else after[name])
    ]


def about_words(event: AuditEvent, names: Mapping[str, str]) -> str:
    """What it happened to; a run with its rule, as it was called then. `names`: how
    things are called now, by their subjects (`webapp.history.audit_list.subject_names`)."""
    rule = (event.after or {}).get("rule")
    if rule is not None and event.subject.startswith("run:"):
        run = event.subject.removeprefix("run:")
        return _("Run %(number)s of “%(name)s”", number=run, name=rule)
    return subject_words(event.subject, names)


def subject_words(subject: str, names: Mapping[str, str]) -> str:
    """A thing by its subject; `names` as for `about_words`."""
    noun, _colon, public_id = subject.partition(":")
    words = {
        "rule": _("Rule “%(name)s”", name=names.get(subject, public_id)),
        "run": _("Run %(number)s", number=public_id),
        "job": _("Job %(number)s", number=public_id),
        "submission": _("Form %(id)s", id=public_id),
        "group": _("Group %(name)s", name=names.get(subject, public_id)),
        "level": _("Level %(name)s", name=names.get(subject, public_id)),
        "location": _("Location %(name)s", name=names.get(subject, public_id)),
        "worker": _("Mobile worker %(name)s", name=public_id),
        "workers": _("Mobile workers"),
        "groups": _("Groups"),
        "web_user": _("Web user %(name)s", name=public_id),
        "project": _("Project %(name)s", name=public_id),
        "demo": _("Project %(name)s", name=public_id),
        "case_type": _("Case type %(name)s", name=public_id),
        "property": _("Property %(name)s", name=public_id),
        "dictionary": _("Data dictionary"),
        "night": _("Night of %(day)s", day=public_id),
        "letter": _("Mail %(number)s", number=public_id),
    }
    return words.get(noun, subject)


def subject_url(subject: str) -> str | None:
    """The page of what it happened to, where there is one."""
    noun, _colon, public_id = subject.partition(":")
    if noun == "rule":
        return url_for("rules.show", rule_id=public_id)
    if noun == "submission":
        return url_for("submissions.show", submission_id=public_id)
    if noun == "run":
        return url_for("runs.show", run_id=int(public_id))
    if noun == "job":
        return url_for("jobs.show", job_id=int(public_id))
    return url_for("settings.index") if noun == "project" else None


def _value(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if name == "until" and isinstance(value, int):
        return iso(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} = {text}" for name, text in value.items())
    return number(value) if isinstance(value, int) else str(value)
