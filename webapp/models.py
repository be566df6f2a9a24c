"""Every table's class, imported once so that migrations and `create_app` know all of them."""

from webapp.audit.models import AuditEvent
from webapp.cases.models import Case, CaseIndex, CaseTransaction
from webapp.clock import Tick
from webapp.dictionary.models import CaseType, FormType, Property
from webapp.exchange.models import Export
from webapp.history.models import SelectedForm, Selection, StoredView
from webapp.jobs.models import Job, JobItem
from webapp.mail.models import Letter
from webapp.people.models import ApiKey, Membership, MobileWorker, WebUser
from webapp.people.sharing_models import Assignment, Group, GroupMember, Level, Location
from webapp.projects.models import Project, Role
from webapp.rules.models import DailyUse, Night, Rule, RuleVersion, Run, RunCase
from webapp.sharing.models import SyncLog
from webapp.submissions.models import Attachment, Submission, SubmissionXml

__all__ = [
    "ApiKey",
    "Assignment",
    "Attachment",
    "AuditEvent",
    "Case",
    "CaseIndex",
    "CaseTransaction",
    "CaseType",
    "DailyUse",
    "Export",
    "FormType",
    "Group",
    "GroupMember",
    "Job",
    "JobItem",
    "Letter",
    "Level",
    "Location",
    "Membership",
    "MobileWorker",
    "Night",
    "Project",
    "Property",
    "Role",
    "Rule",
    "RuleVersion",
    "Run",
    "RunCase",
    "SelectedForm",
    "Selection",
    "StoredView",
    "Submission",
    "SubmissionXml",
    "SyncLog",
    "Tick",
    "WebUser",
]
