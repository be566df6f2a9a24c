"""What can stand in the audit log: a closed catalogue."""

from __future__ import annotations

from enum import StrEnum


class Tag(StrEnum):
    """`<noun>.<verb>`: the noun is the thing it happened to, which is also the first part of the
    event's subject (`submission.archive` is about `submission:<id>`); the verb is what was done,
    in the present tense. `KEYS` says which keys its before and after may have.
    """

    PROJECT_CREATE = "project.create"
    PROJECT_SET = "project.set"
    PROJECT_TELL = "project.tell"
    DEMO_BEGIN = "demo.begin"
    DEMO_END = "demo.end"
    WEB_USER_CREATE = "web_user.create"
    WEB_USER_PASSWORD = "web_user.password"  # noqa: S105  # a tag, no password
    WEB_USER_SET = "web_user.set"
    WEB_USER_LOGIN = "web_user.login"
    MEMBER_ADD = "member.add"
    MEMBER_SET = "member.set"
    MEMBER_REMOVE = "member.remove"
    LETTER_TEST = "letter.test"
    WORKER_CREATE = "worker.create"
    WORKER_SET = "worker.set"
    WORKER_FETCH = "worker.fetch"
    WORKERS_IMPORT = "workers.import"
    WORKERS_EXPORT = "workers.export"
    GROUP_CREATE = "group.create"
    GROUP_SET = "group.set"
    GROUP_ADD = "group.add"
    GROUP_REMOVE = "group.remove"
    GROUP_DELETE = "group.delete"
    GROUP_UNDELETE = "group.undelete"
    GROUPS_IMPORT = "groups.import"
    GROUPS_EXPORT = "groups.export"
    LEVEL_CREATE = "level.create"
    LEVEL_SET = "level.set"
    LEVEL_DELETE = "level.delete"
    LOCATION_CREATE = "location.create"
    LOCATION_SET = "location.set"
    LOCATION_MOVE = "location.move"
    LOCATION_ARCHIVE = "location.archive"
    LOCATION_UNARCHIVE = "location.unarchive"
    API_KEY_CREATE = "api_key.create"
    API_KEY_REVOKE = "api_key.revoke"
    SUBMISSION_ARCHIVE = "submission.archive"
    SUBMISSION_RESTORE = "submission.restore"
    SUBMISSION_REPROCESS = "submission.reprocess"
    SUBMISSION_EDIT = "submission.edit"
    JOB_QUEUE = "job.queue"
    JOB_START = "job.start"
    JOB_END = "job.end"
    JOB_STOP = "job.stop"
    JOB_RESUME = "job.resume"
    JOB_DOWNLOAD = "job.download"
    CASE_REBUILD = "case.rebuild"
    CASE_TYPE_ADD = "case_type.add"
    CASE_TYPE_SET = "case_type.set"
    PROPERTY_ADD = "property.add"
    PROPERTY_SET = "property.set"
    DICTIONARY_IMPORT = "dictionary.import"
    RULE_CREATE = "rule.create"
    RULE_EDIT = "rule.edit"
    RULE_STATE = "rule.state"
    RULE_DELETE = "rule.delete"
    RULE_UNDELETE = "rule.undelete"
    RULE_DUPLICATE = "rule.duplicate"
    RULE_MOVE = "rule.move"
    NIGHT_BEGIN = "night.begin"
    RUN_QUEUE = "run.queue"
    RUN_START = "run.start"
    RUN_END = "run.end"
    RUN_STOP = "run.stop"
    RUN_RESUME = "run.resume"
    RUN_UNDO = "run.undo"
    RUN_REDO = "run.redo"
    RUN_HOLD = "run.hold"
    RUN_APPROVE = "run.approve"
    RUN_REJECT = "run.reject"
    RUN_EXPIRE = "run.expire"
    RUN_SUPERSEDE = "run.supersede"


_SETTINGS = frozenset(
    {
        *("title", "timezone", "hour", "daily_limit", "run_hours", "brake_cases", "brake_percent"),
        *("anonymous_submissions", "anonymous_quota"),
    }
)
#: What a run of a rule has counted.
_COUNTS = frozenset(
    {"matched", "changed", "closed", "submissions", "unchanged", "skipped", "errors", "left"}
)

#: What people say of a property; `names` are those of its type and its own.
_SAID = frozenset({"names", "label", "group", "description", "data_type", "deprecated", "place"})

_WORKER = frozenset({"username", "first_name", "last_name", "user_data"})
_GROUP = frozenset({"name", "case_sharing", "reporting"})
_LEVEL = frozenset({"name", "owns_cases", "views_child_data"})
_LOCATION = frozenset({"name", "site_code", "level"})

#: Which keys the before and after of each tag may have; an unknown key is an error.
KEYS: dict[Tag, frozenset[str]] = {
    Tag.PROJECT_CREATE: _SETTINGS | {"name"},
    Tag.PROJECT_SET: _SETTINGS,
    Tag.PROJECT_TELL: frozenset({"told"}),
    Tag.DEMO_BEGIN: frozenset({"seed", "until"}),
    Tag.DEMO_END: frozenset({"cases", "forms"}),
    Tag.WEB_USER_CREATE: frozenset({"email"}),
    Tag.WEB_USER_PASSWORD: frozenset(),
    Tag.WEB_USER_SET: frozenset({"active"}),
    Tag.WEB_USER_LOGIN: frozenset(),
    Tag.MEMBER_ADD: frozenset({"role"}),
    Tag.MEMBER_SET: frozenset({"role"}),
    Tag.MEMBER_REMOVE: frozenset({"role"}),
    Tag.LETTER_TEST: frozenset({"to"}),
    Tag.WORKER_CREATE: _WORKER,
    Tag.WORKER_SET: _WORKER | {"active", "password", "groups", "locations"},
    Tag.WORKER_FETCH: frozenset({"cases"}),
    Tag.WORKERS_IMPORT: frozenset({"added", "changed"}),
    Tag.WORKERS_EXPORT: frozenset({"format"}),
    Tag.GROUP_CREATE: _GROUP,
    Tag.GROUP_SET: _GROUP,
    Tag.GROUP_ADD: frozenset({"members"}),
    Tag.GROUP_REMOVE: frozenset({"members"}),
    Tag.GROUP_DELETE: frozenset({"name"}),
    Tag.GROUP_UNDELETE: frozenset({"name"}),
    Tag.GROUPS_IMPORT: frozenset({"added", "changed"}),
    Tag.GROUPS_EXPORT: frozenset({"format"}),
    Tag.LEVEL_CREATE: _LEVEL,
    Tag.LEVEL_SET: _LEVEL,
    Tag.LEVEL_DELETE: _LEVEL,
    Tag.LOCATION_CREATE: _LOCATION | {"parent"},
    Tag.LOCATION_SET: _LOCATION,
    Tag.LOCATION_MOVE: frozenset({"parent"}),
    Tag.LOCATION_ARCHIVE: frozenset({"site_codes"}),
    Tag.LOCATION_UNARCHIVE: frozenset({"site_codes"}),
    Tag.API_KEY_CREATE: frozenset({"hint", "read_only", "project"}),
    Tag.API_KEY_REVOKE: frozenset({"hint"}),
    Tag.SUBMISSION_ARCHIVE: frozenset({"cases"}),
    Tag.SUBMISSION_RESTORE: frozenset({"cases"}),
    Tag.SUBMISSION_REPROCESS: frozenset({"from", "to"}),
    Tag.SUBMISSION_EDIT: frozenset({"older"}),
    Tag.JOB_QUEUE: frozenset({"kind", "of", "format", "filter"}),
    Tag.JOB_START: frozenset({"kind", "total"}),
    Tag.JOB_END: frozenset({"kind", "state", "total", "processed", "succeeded", "skipped"}),
    Tag.JOB_STOP: frozenset({"kind"}),
    Tag.JOB_RESUME: frozenset({"kind"}),
    Tag.JOB_DOWNLOAD: frozenset({"of", "format"}),
    Tag.CASE_REBUILD: frozenset({"cases"}),
    Tag.CASE_TYPE_ADD: frozenset({"names", "label", "description", "sharing"}),
    Tag.CASE_TYPE_SET: frozenset({"names", "label", "description", "sharing"}),
    Tag.PROPERTY_ADD: _SAID,
    Tag.PROPERTY_SET: _SAID,
    Tag.DICTIONARY_IMPORT: frozenset({"added", "changed"}),
    Tag.RUN_UNDO: frozenset({"rule", "job"}),
    Tag.RUN_REDO: frozenset({"rule", "job"}),
    Tag.RULE_CREATE: frozenset({"name", "state"}),
    Tag.RULE_EDIT: frozenset({"name", "version"}),
    Tag.RULE_STATE: frozenset({"state"}),
    Tag.RULE_DELETE: frozenset({"name", "state"}),
    Tag.RULE_UNDELETE: frozenset({"name"}),
    Tag.RULE_DUPLICATE: frozenset({"name", "of"}),
    Tag.RULE_MOVE: frozenset({"position"}),
    Tag.NIGHT_BEGIN: frozenset({"slot", "rules"}),
    Tag.RUN_QUEUE: frozenset({"rule", "version", "trigger", "as_of", "slot", "confirmed"}),
    Tag.RUN_START: frozenset({"rule", "open_cases", "matched"}),
    Tag.RUN_END: _COUNTS | {"rule", "state"},
    Tag.RUN_HOLD: frozenset({"rule", "open_cases", "changes"}),
    Tag.RUN_APPROVE: frozenset({"rule", "matched"}),
    Tag.RUN_REJECT: frozenset({"rule", "matched"}),
    Tag.RUN_EXPIRE: frozenset({"rule", "matched"}),
    Tag.RUN_SUPERSEDE: frozenset({"rule", "left", "run"}),
    Tag.RUN_STOP: frozenset({"rule"}),
    Tag.RUN_RESUME: frozenset({"rule"}),
}
