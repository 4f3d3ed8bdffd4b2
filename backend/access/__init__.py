"""People, what they are where, sign-in and sessions, and the question "may this actor do this to that?"."""

from backend.access.audit import AUDIT_PAGE, AuditChange, AuditLine, audit_kinds, read_audit
from backend.access.changes import note_change
from backend.access.errors import PersonDisabled, WrongPassword
from backend.access.models import AuditEntry, Person, Role, Theme
from backend.access.passwords import unusable_password
from backend.access.people import enrol, ensure_person
from backend.access.policy import ANONYMOUS, SYSTEM, Action, Actor, Scope, Visibility, can, require
from backend.access.queries import record
from backend.access.sessions import (
    SessionInfo,
    Visitor,
    actor_for,
    actor_of,
    choose_theme,
    end_session,
    list_sessions,
    sign_in,
    sign_out,
    sign_out_everywhere,
)

__all__ = [
    "ANONYMOUS",
    "AUDIT_PAGE",
    "SYSTEM",
    "Action",
    "Actor",
    "AuditChange",
    "AuditEntry",
    "AuditLine",
    "Person",
    "PersonDisabled",
    "Role",
    "Scope",
    "SessionInfo",
    "Theme",
    "Visibility",
    "Visitor",
    "WrongPassword",
    "actor_for",
    "actor_of",
    "audit_kinds",
    "can",
    "choose_theme",
    "end_session",
    "enrol",
    "ensure_person",
    "list_sessions",
    "note_change",
    "read_audit",
    "record",
    "require",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "unusable_password",
]
