"""May this actor do this to that? One pure table, used by pages, state events and API alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from backend.access.models import Role
from backend.core.errors import Forbidden, NotFound, NotSignedIn


class Action(StrEnum):
    """Everything a person can do."""

    ACCOUNT_READ = "account.read"
    ACCOUNT_CHANGE = "account.change"
    SECTION_LIST = "section.list"
    """See the home page with one's own sections."""
    SECTION_READ = "section.read"
    """Open a section and read its lessons."""
    SECTION_SETTINGS_READ = "section_settings.read"
    """See how a section's tutor is set up."""
    SECTION_CONFIGURE = "section.configure"
    """Switch a section's tutor on and off, word its prompt, limit what each student may ask."""
    TUTOR_ASK = "tutor.ask"
    """Begin a conversation with the section's tutor."""
    CONVERSATION_READ = "conversation.read"
    CONVERSATION_CHANGE = "conversation.change"
    """Rename, delete, rate, stop."""
    CONVERSATION_CONTINUE = "conversation.continue"
    """Ask further, edit, regenerate: also needs to be in the section still."""
    COURSE_GENERATE = "course.generate"
    """Have a section's course written by a model, and read such drafts."""
    EXERCISE_RUN = "exercise.run"
    """Run code in the sandbox: an exercise's visible tests, or the code by itself."""
    EXERCISE_SUBMIT = "exercise.submit"
    EXERCISE_TRY = "exercise.try"
    """See every test of an exercise, hidden ones too, and run a solution through them."""
    EXERCISE_CONFIGURE = "exercise.configure"
    """Decide when an exercise is due, what lateness costs, how many attempts there are."""
    SUBMISSION_READ = "submission.read"
    GENAI_CONFIGURE = "genai.configure"
    """Register models, build chains, choose what serves a feature, set limits."""
    GENAI_OBSERVE = "genai.observe"
    """See every model's health, and what everybody's use costs."""
    AUDIT_READ = "audit.read"
    METRICS_READ = "metrics.read"
    JOB_READ = "job.read"
    JOB_CHANGE = "job.change"
    """Cancel, retry."""
    JOBS_ADMINISTER = "jobs.administer"
    """See everybody's jobs and the workers, change jobs in bulk, pause lanes and kinds."""
    INSIGHTS_READ = "insights.read"
    """See a section's figures, cost and recommendation: sums only, nobody's words."""
    INSIGHTS_STUDENTS = "insights.students"
    """See what students of a section asked, under pseudonyms, who may need help, and mark what was seen to."""
    INSIGHTS_ASK = "insights.ask"
    """Talk with a model about the section's figures."""
    INSIGHTS_REVEAL = "insights.reveal"
    """Learn the name behind a pseudonym, on the record."""
    INSIGHTS_RECOMMEND = "insights.recommend"
    """Have a recommendation written, which costs tokens."""
    INSIGHTS_CONFIGURE = "insights.configure"
    """Say what the section's dashboard may show."""
    INSIGHTS_MAINTAIN = "insights.maintain"
    """Keep the rollups: the system itself."""


class Visibility(StrEnum):
    """Who a subject is meant for."""

    MEMBERS = "members"
    """The people of its section, as their roles allow."""
    PRIVATE = "private"
    """Its owner alone, whatever anybody's role."""


class Relation(StrEnum):
    """What an actor is to a scope."""

    SYSTEM = "system"
    ADMINISTRATOR = "administrator"
    SIGNED_IN = "signed_in"
    OWNER = "owner"
    STUDENT = "student"
    ASSISTANT = "assistant"
    INSTRUCTOR = "instructor"


MEMBER = frozenset({Relation.STUDENT, Relation.ASSISTANT, Relation.INSTRUCTOR})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person with their roles per section, nobody, or the system itself (CLI, sweepers, seeds)."""

    person_id: UUID | None = None
    name: str = ""
    email: str = ""
    theme: str = ""
    """Empty for nobody, who has chosen none."""
    is_administrator: bool = False
    roles: Mapping[UUID, Role] = field(default_factory=lambda: MappingProxyType({}))
    session_id: UUID | None = None
    is_system: bool = False

    @property
    def signed_in(self) -> bool:
        """Whether a person stands behind this actor."""
        return self.person_id is not None


ANONYMOUS = Actor()
SYSTEM = Actor(name="system", is_system=True)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a subject belongs: its section, its owner, and whom it is for."""

    section_id: UUID | None = None
    owner_id: UUID | None = None
    visibility: Visibility = Visibility.MEMBERS


Rule = tuple[frozenset[Relation], ...]
"""Alternatives: one of these sets of relations must hold whole."""


def _any_of(*relations: Relation) -> Rule:
    return tuple(frozenset({relation}) for relation in relations)


def _owner_and(relations: frozenset[Relation]) -> Rule:
    return tuple(frozenset({Relation.OWNER, relation}) for relation in sorted(relations))


ANY_MEMBER = _any_of(*sorted(MEMBER))

RULES: Mapping[Action, Rule] = {
    Action.ACCOUNT_READ: _any_of(Relation.OWNER),
    Action.ACCOUNT_CHANGE: _any_of(Relation.OWNER),
    Action.SECTION_LIST: _any_of(Relation.SIGNED_IN),
    Action.SECTION_READ: (*ANY_MEMBER, *_any_of(Relation.ADMINISTRATOR)),
    Action.SECTION_SETTINGS_READ: _any_of(Relation.ASSISTANT, Relation.INSTRUCTOR, Relation.ADMINISTRATOR),
    Action.SECTION_CONFIGURE: _any_of(Relation.INSTRUCTOR, Relation.ADMINISTRATOR),
    Action.TUTOR_ASK: ANY_MEMBER,
    Action.CONVERSATION_READ: _any_of(Relation.OWNER),
    Action.CONVERSATION_CHANGE: _any_of(Relation.OWNER),
    Action.CONVERSATION_CONTINUE: _owner_and(MEMBER),
    Action.COURSE_GENERATE: _any_of(Relation.INSTRUCTOR, Relation.ADMINISTRATOR),
    Action.EXERCISE_RUN: (*ANY_MEMBER, *_any_of(Relation.ADMINISTRATOR)),
    Action.EXERCISE_SUBMIT: _any_of(Relation.STUDENT),
    Action.EXERCISE_TRY: _any_of(Relation.ASSISTANT, Relation.INSTRUCTOR),
    Action.EXERCISE_CONFIGURE: _any_of(Relation.INSTRUCTOR),
    Action.SUBMISSION_READ: _any_of(Relation.OWNER, Relation.ASSISTANT, Relation.INSTRUCTOR),
    Action.GENAI_CONFIGURE: _any_of(Relation.ADMINISTRATOR),
    Action.GENAI_OBSERVE: _any_of(Relation.ADMINISTRATOR),
    Action.AUDIT_READ: _any_of(Relation.ADMINISTRATOR),
    Action.METRICS_READ: _any_of(Relation.ADMINISTRATOR),
    Action.JOB_READ: _any_of(Relation.OWNER, Relation.ADMINISTRATOR),
    Action.JOB_CHANGE: _any_of(Relation.OWNER, Relation.ADMINISTRATOR),
    Action.JOBS_ADMINISTER: _any_of(Relation.ADMINISTRATOR),
    Action.INSIGHTS_READ: _any_of(Relation.ASSISTANT, Relation.INSTRUCTOR, Relation.ADMINISTRATOR),
    Action.INSIGHTS_STUDENTS: _any_of(Relation.ASSISTANT, Relation.INSTRUCTOR),
    Action.INSIGHTS_ASK: _any_of(Relation.ASSISTANT, Relation.INSTRUCTOR),
    Action.INSIGHTS_REVEAL: _any_of(Relation.INSTRUCTOR),
    Action.INSIGHTS_RECOMMEND: _any_of(Relation.INSTRUCTOR),
    Action.INSIGHTS_CONFIGURE: _any_of(Relation.INSTRUCTOR),
    Action.INSIGHTS_MAINTAIN: (),
}


OF_A_SECTION = frozenset(
    {
        Action.TUTOR_ASK,
        Action.COURSE_GENERATE,
        Action.EXERCISE_RUN,
        Action.EXERCISE_SUBMIT,
        Action.EXERCISE_TRY,
        Action.EXERCISE_CONFIGURE,
        Action.SECTION_SETTINGS_READ,
        Action.SECTION_CONFIGURE,
    }
)
"""What is refused as forbidden to those who may read the section, and as not there to others."""


def relations(actor: Actor, scope: Scope) -> frozenset[Relation]:
    """What `actor` is to `scope`."""
    if actor.is_system:
        return frozenset({Relation.SYSTEM})
    if actor.person_id is None:
        return frozenset()
    held = {Relation.SIGNED_IN}
    if actor.is_administrator:
        held.add(Relation.ADMINISTRATOR)
    if scope.owner_id == actor.person_id:
        held.add(Relation.OWNER)
    if scope.section_id is not None and (role := actor.roles.get(scope.section_id)):
        held.add(Relation(role.value))
    return frozenset(held)


def can(actor: Actor, action: Action, scope: Scope | None = None) -> bool:
    """Whether `actor` may do `action` to what `scope` describes. The system may do everything."""
    scope = scope or Scope()
    held = relations(actor, scope)
    if Relation.SYSTEM in held:
        return True
    if scope.visibility is Visibility.PRIVATE and Relation.OWNER not in held:
        return False
    return any(needed <= held for needed in RULES[action])


def require(actor: Actor, action: Action, scope: Scope | None = None) -> None:
    """Refuse what `can` refuses.

    Raises `NotSignedIn` for nobody, `NotFound` for what a person may not even know of, else `Forbidden`.
    """
    if can(actor, action, scope):
        return
    if not actor.signed_in:
        raise NotSignedIn
    if scope is not None and not can(actor, _reading(action), scope):
        raise NotFound
    raise Forbidden


def _reading(action: Action) -> Action:
    """The action that lets a person know the subject exists."""
    if action in {Action.CONVERSATION_CHANGE, Action.CONVERSATION_CONTINUE}:
        return Action.CONVERSATION_READ
    if action is Action.JOB_CHANGE:
        return Action.JOB_READ
    of_section = action in OF_A_SECTION or action.value.startswith("insights.")
    return Action.SECTION_READ if of_section else action
