"""Who may do what: the whole table, in the words of the people it is about."""

from types import MappingProxyType
from uuid import uuid4

import pytest

from backend.access import ANONYMOUS, SYSTEM, Action, Actor, Role, Scope, Visibility, can, require
from backend.core.errors import Forbidden, NotFound, NotSignedIn

HERE, ELSEWHERE = uuid4(), uuid4()
OWNER = uuid4()


def person(
    role: Role | None = None, *, section: object = HERE, owner: bool = False, administrator: bool = False
) -> Actor:
    roles = MappingProxyType({section: role} if role else {})
    return Actor(person_id=OWNER if owner else uuid4(), is_administrator=administrator, roles=roles)


ACTORS = {
    "nobody": ANONYMOUS,
    "somebody": person(),
    "student": person(Role.STUDENT),
    "assistant": person(Role.ASSISTANT),
    "instructor": person(Role.INSTRUCTOR),
    "instructor elsewhere": person(Role.INSTRUCTOR, section=ELSEWHERE),
    "administrator": person(administrator=True),
    "owner": person(owner=True),
    "owner, student": person(Role.STUDENT, owner=True),
    "owner, assistant": person(Role.ASSISTANT, owner=True),
    "owner, instructor": person(Role.INSTRUCTOR, owner=True),
    "owner, student elsewhere": person(Role.STUDENT, section=ELSEWHERE, owner=True),
    "owner, administrator": person(owner=True, administrator=True),
    "system": SYSTEM,
}
OWNERS = {name for name in ACTORS if name.startswith("owner")}
MEMBERS = {name for name in ACTORS if name.removeprefix("owner, ") in {"student", "assistant", "instructor"}}
INSTRUCTORS = {"instructor", "owner, instructor"}
TEACHERS = INSTRUCTORS | {"assistant", "owner, assistant"}
STUDENTS = {"student", "owner, student"}
ADMINISTRATORS = {"administrator", "owner, administrator"}
STAFF = TEACHERS | ADMINISTRATORS
SIGNED_IN = set(ACTORS) - {"nobody", "system"}

MAY = {
    # action:                      (for the section's members,        for its owner alone)
    Action.ACCOUNT_READ:           (OWNERS,                           OWNERS),
    Action.ACCOUNT_CHANGE:         (OWNERS,                           OWNERS),
    Action.SECTION_LIST:           (SIGNED_IN,                        OWNERS),
    Action.SECTION_READ:           (MEMBERS | ADMINISTRATORS,         OWNERS & (MEMBERS | ADMINISTRATORS)),
    Action.SECTION_SETTINGS_READ:  (STAFF,                            OWNERS & STAFF),
    Action.SECTION_CONFIGURE:      (INSTRUCTORS | ADMINISTRATORS,     OWNERS & (INSTRUCTORS | ADMINISTRATORS)),
    Action.TUTOR_ASK:              (MEMBERS,                          OWNERS & MEMBERS),
    Action.CONVERSATION_READ:      (OWNERS,                           OWNERS),
    Action.CONVERSATION_CHANGE:    (OWNERS,                           OWNERS),
    Action.CONVERSATION_CONTINUE:  (OWNERS & MEMBERS,                 OWNERS & MEMBERS),
    Action.COURSE_GENERATE:        (INSTRUCTORS | ADMINISTRATORS,     OWNERS & (INSTRUCTORS | ADMINISTRATORS)),
    Action.EXERCISE_RUN:           (MEMBERS | ADMINISTRATORS,         OWNERS & (MEMBERS | ADMINISTRATORS)),
    Action.EXERCISE_SUBMIT:        (STUDENTS,                         OWNERS & STUDENTS),
    Action.EXERCISE_TRY:           (MEMBERS - STUDENTS,               OWNERS & MEMBERS - STUDENTS),
    Action.EXERCISE_CONFIGURE:     (INSTRUCTORS,                      OWNERS & INSTRUCTORS),
    Action.SUBMISSION_READ:        (OWNERS | MEMBERS - STUDENTS,      OWNERS),
    Action.GENAI_CONFIGURE:        (ADMINISTRATORS,                   OWNERS & ADMINISTRATORS),
    Action.GENAI_OBSERVE:          (ADMINISTRATORS,                   OWNERS & ADMINISTRATORS),
    Action.AUDIT_READ:             (ADMINISTRATORS,                   OWNERS & ADMINISTRATORS),
    Action.METRICS_READ:           (ADMINISTRATORS,                   OWNERS & ADMINISTRATORS),
    Action.JOB_READ:               (OWNERS | ADMINISTRATORS,          OWNERS),
    Action.JOB_CHANGE:             (OWNERS | ADMINISTRATORS,          OWNERS),
    Action.JOBS_ADMINISTER:        (ADMINISTRATORS,                   OWNERS & ADMINISTRATORS),
    Action.INSIGHTS_READ:          (TEACHERS | ADMINISTRATORS,        OWNERS & (TEACHERS | ADMINISTRATORS)),
    Action.INSIGHTS_STUDENTS:      (TEACHERS,                         OWNERS & TEACHERS),
    Action.INSIGHTS_ASK:           (TEACHERS,                         OWNERS & TEACHERS),
    Action.INSIGHTS_REVEAL:        (INSTRUCTORS,                      OWNERS & INSTRUCTORS),
    Action.INSIGHTS_RECOMMEND:     (INSTRUCTORS,                      OWNERS & INSTRUCTORS),
    Action.INSIGHTS_CONFIGURE:     (INSTRUCTORS,                      OWNERS & INSTRUCTORS),
    Action.INSIGHTS_MAINTAIN:      (set(),                            set()),
}  # fmt: skip


def test_the_table_has_every_action() -> None:
    assert set(MAY) == set(Action)


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("visibility", list(Visibility))
def test_an_action_is_allowed_to_exactly_these(action: Action, visibility: Visibility) -> None:
    scope = Scope(section_id=HERE, owner_id=OWNER, visibility=visibility)
    allowed = MAY[action][visibility is Visibility.PRIVATE] | {"system"}
    assert {name for name, actor in ACTORS.items() if can(actor, action, scope)} == allowed


@pytest.mark.parametrize("action", list(Action))
def test_without_a_scope_only_what_concerns_no_section_is_allowed(action: Action) -> None:
    anywhere = {
        Action.SECTION_LIST: SIGNED_IN,
        Action.SECTION_READ: ADMINISTRATORS,
        Action.SECTION_SETTINGS_READ: ADMINISTRATORS,
        Action.SECTION_CONFIGURE: ADMINISTRATORS,
        Action.COURSE_GENERATE: ADMINISTRATORS,
        Action.EXERCISE_RUN: ADMINISTRATORS,
        Action.GENAI_CONFIGURE: ADMINISTRATORS,
        Action.GENAI_OBSERVE: ADMINISTRATORS,
        Action.AUDIT_READ: ADMINISTRATORS,
        Action.METRICS_READ: ADMINISTRATORS,
        Action.JOB_READ: ADMINISTRATORS,
        Action.JOB_CHANGE: ADMINISTRATORS,
        Action.JOBS_ADMINISTER: ADMINISTRATORS,
        Action.INSIGHTS_READ: ADMINISTRATORS,
    }
    assert {name for name, actor in ACTORS.items() if can(actor, action)} == anywhere.get(action, set()) | {"system"}


def test_nobody_owns_what_has_no_owner() -> None:
    assert not any(can(actor, Action.CONVERSATION_READ, Scope(section_id=HERE)) for actor in (ANONYMOUS, person()))


def test_a_section_that_isnt_there_has_no_members() -> None:
    assert not can(Actor(person_id=OWNER, roles=MappingProxyType({})), Action.TUTOR_ASK, Scope(section_id=None))


@pytest.mark.parametrize(
    ("who", "action", "scope", "refusal"),
    [
        ("nobody", Action.SECTION_READ, Scope(HERE), NotSignedIn),
        ("nobody", Action.METRICS_READ, None, NotSignedIn),
        ("instructor elsewhere", Action.SECTION_READ, Scope(HERE), NotFound),
        ("instructor elsewhere", Action.TUTOR_ASK, Scope(HERE), NotFound),
        ("administrator", Action.TUTOR_ASK, Scope(HERE), Forbidden),
        ("student", Action.SECTION_SETTINGS_READ, Scope(HERE), Forbidden),
        ("assistant", Action.SECTION_CONFIGURE, Scope(HERE), Forbidden),
        ("instructor elsewhere", Action.SECTION_CONFIGURE, Scope(HERE), NotFound),
        ("student", Action.INSIGHTS_READ, Scope(HERE), Forbidden),
        ("instructor elsewhere", Action.INSIGHTS_READ, Scope(HERE), NotFound),
        ("administrator", Action.INSIGHTS_STUDENTS, Scope(HERE), Forbidden),
        ("instructor", Action.METRICS_READ, None, Forbidden),
        ("instructor", Action.CONVERSATION_READ, Scope(HERE, OWNER, Visibility.PRIVATE), NotFound),
        ("administrator", Action.CONVERSATION_CHANGE, Scope(HERE, OWNER, Visibility.PRIVATE), NotFound),
        ("owner, student elsewhere", Action.CONVERSATION_CONTINUE, Scope(HERE, OWNER, Visibility.PRIVATE), Forbidden),
        ("student", Action.ACCOUNT_READ, Scope(owner_id=OWNER), NotFound),
        ("student", Action.JOB_CHANGE, Scope(owner_id=OWNER), NotFound),
    ],
)
def test_a_refusal_tells_no_more_than_the_person_may_know(
    who: str, action: Action, scope: Scope | None, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        require(ACTORS[who], action, scope)
