"""The tutor panel: one conversation, beside a lesson or on its own page. Streaming never goes through here."""

from contextlib import suppress
from datetime import UTC
from typing import Any, TypedDict
from uuid import UUID, uuid4

import reflex as rx

from app.state.session import Session, acting, to_sign_in
from backend.core.errors import NotFound, NotSignedIn, StoaError, TooMany, Unavailable
from backend.core.ids import parse_id
from backend.courses import LessonView, SectionView
from backend.dialogue import (
    ConversationView,
    MessageView,
    StartedTurn,
    ask,
    edit,
    latest_conversation,
    open_conversation,
    rate_message,
    regenerate,
    stop,
)
from backend.genai import Feature, Notice, Standing, allowance, model_notice

LONGEST_EVENT = 200_000
"""Characters of a message looked at; what is longer is refused by its length alone."""
AWAY = "Stoa was away for a moment, so this wasn't sent. Please send it again."
"""A new web process knows nothing of the page until it has loaded again."""


class MessageItem(TypedDict):
    """A message as the chat component takes it."""

    id: str
    role: str
    content: str
    status: str
    error: str
    model: str
    rating: int
    reason: str
    at: str


class TurnItem(TypedDict):
    """The turn to follow."""

    id: str
    answer_id: str


class Failure(TypedDict):
    """The last event's failure; `nonce` is new each time, so that the component notices a repeated one."""

    nonce: str
    message: str
    said_elsewhere: bool
    """The allowance says it already."""


class AllowanceItem(TypedDict):
    """Limits that are near or reached: what to say, and after how many seconds to look again."""

    nonce: str
    standing: str
    text: str
    seconds: int


class TutorState(Session):
    """The conversation on the page, in its own state: what reads it renders again when it changes."""

    conversation_id: str = ""
    messages: list[MessageItem] = []
    turn: TurnItem | None = None
    has_earlier: bool = False
    failure: Failure | None = None
    allowance: AllowanceItem | None = None
    disabled_reason: str = ""
    notice: str = ""
    loading: bool = True
    title: str = ""
    """The conversation's; empty before its first message."""
    begun_afresh: int = 0
    """How often a new conversation was asked for."""

    _afresh: bool = False
    """A new conversation was asked for: opening the same lesson again doesn't bring back the latest one."""
    _section_id: UUID | None = None
    _lesson_key: UUID | None = None
    _feature: str = Feature.STUDENT_DIALOGUE.value

    @rx.event
    async def send(self, text: str) -> Any:
        """Ask; the answer comes over the turn's event stream."""
        if self._section_id is None or not isinstance(text, str):
            return self._fail(Unavailable(AWAY) if acting().signed_in else NotSignedIn())
        try:
            turn = await ask(
                acting(),
                self._section_id,
                text[:LONGEST_EVENT],
                feature=Feature(self._feature),
                conversation_id=parse_id(self.conversation_id),
                lesson_key=self._lesson_key,
            )
        except StoaError as error:
            return await self._refused(error)
        return await self._begun(turn)

    @rx.event
    async def edit_message(self, message_id: str, text: str) -> Any:
        """Put the last question differently."""
        if not isinstance(text, str):
            return None
        return await self._again(lambda target: edit(acting(), target, text[:LONGEST_EVENT]), message_id)

    @rx.event
    async def regenerate_answer(self, message_id: str) -> Any:
        """Answer the last question anew; also what Retry does."""
        return await self._again(lambda target: regenerate(acting(), target), message_id)

    @rx.event
    async def stop_turn(self, turn_id: str) -> Any:
        """Stop the answer; its event stream then ends by itself."""
        try:
            await stop(acting(), _id(turn_id))
        except StoaError as error:
            return self._fail(error)
        return None

    @rx.event
    async def rate_answer(self, message_id: str, rating: int, reason: str) -> Any:
        """Say whether an answer helped."""
        valid = isinstance(rating, int) and isinstance(reason, str)
        try:
            await rate_message(acting(), _id(message_id), rating if valid else 2, reason if valid else "")
        except StoaError as error:
            return self._fail(error)
        self.messages = [
            {**each, "rating": rating, "reason": reason} if each["id"] == message_id else each for each in self.messages
        ]
        return None

    @rx.event
    async def turn_ended(self, turn_id: str) -> Any:
        """Read the conversation again: what was streamed was only a hint."""
        try:
            await self._reload()
            await self._note_allowance()
        except StoaError as error:
            return self._fail(error)
        return None

    @rx.event
    async def look_at_allowance(self) -> Any:
        """Look again, for time has passed: a minute is over, or a day."""
        try:
            await self._note_allowance()
        except StoaError as error:
            return self._fail(error)
        return None

    @rx.event
    async def show_earlier(self) -> Any:
        """Put the messages before the first one shown in front of it."""
        conversation, first = parse_id(self.conversation_id), self.messages[0]["id"] if self.messages else ""
        if conversation is None or not first:
            return None
        try:
            view = await open_conversation(acting(), conversation, before=parse_id(first))
        except StoaError as error:
            return self._fail(error)
        self.messages = [*map(_item, view.messages), *self.messages]
        self.has_earlier = view.has_earlier
        return None

    @rx.event
    async def new_conversation(self) -> Any:
        """Begin afresh beside the same lesson, or in the same section."""
        self._clear()
        self.loading = False
        self.begun_afresh += 1
        self._afresh = True

    async def _open_beside(self, lesson: LessonView) -> None:
        """Show the latest conversation beside a lesson, or an empty one."""
        if (self._section_id, self._lesson_key) != (lesson.section.id, lesson.key):
            self._clear()
            self._afresh = False
        self._feature = Feature.STUDENT_DIALOGUE.value
        self._section_id, self._lesson_key = lesson.section.id, lesson.key
        self.disabled_reason = self._reason(lesson.section, lesson.tutor_off)
        self.notice = await model_notice(lesson.section.id)
        self.loading = False
        await self._note_allowance()
        if not self.disabled_reason or lesson.section.role != "administrator":
            found = await latest_conversation(acting(), lesson.section.id, lesson.key)
            if found is not None and not self.conversation_id and not self._afresh:
                self.conversation_id = str(found)
            await self._reload()

    async def _open_alone(
        self, section: SectionView, conversation: UUID | None, feature: Feature = Feature.STUDENT_DIALOGUE
    ) -> None:
        """Show a conversation on its own page, or an empty one."""
        place = (self._section_id, self._lesson_key, self._feature)
        if str(conversation or "") != self.conversation_id or place != (section.id, None, feature):
            self.begun_afresh += bool(self.conversation_id and not self._lesson_key and conversation is None)
            self._clear()
        self._section_id, self._lesson_key, self._feature = section.id, None, feature.value
        self.conversation_id = str(conversation or "")
        self.disabled_reason = self._reason(section, "")
        self.notice = await model_notice(section.id, feature)
        self.loading = False
        await self._note_allowance()
        await self._reload()

    def _reason(self, section: SectionView, tutor_off: str) -> str:
        if section.role == "administrator":
            return "Administrators read along here; it talks with the section's members."
        if self._feature == Feature.INSTRUCTOR_DASHBOARD:
            return ""
        return tutor_off if section.assistant_enabled else "Your instructor has switched the tutor off in this section."

    async def _reload(self) -> None:
        conversation = parse_id(self.conversation_id)
        if conversation is None:
            self._clear()
            return
        view = await open_conversation(acting(), conversation, limit=max(len(self.messages), 60))
        if self._section_id is not None and (view.section_id, view.feature) != (self._section_id, self._feature):
            raise NotFound("There is no such conversation in this section.")
        self._show(view)

    def _show(self, view: ConversationView) -> None:
        self.conversation_id, self.title = str(view.id), view.title
        self.messages = [_item(each) for each in view.messages]
        self.has_earlier = view.has_earlier
        self.turn = _turn(view.turn) if view.turn else None
        self.failure = None

    def _clear(self) -> None:
        self.conversation_id = self.title = ""
        self.messages = []
        self.turn = None
        self.has_earlier = False
        self.failure = None

    async def _again(self, begin: Any, message_id: str) -> Any:
        try:
            turn = await begin(_id(message_id))
        except StoaError as error:
            return await self._refused(error)
        return await self._begun(turn)

    async def _begun(self, turn: StartedTurn) -> Any:
        self.conversation_id = str(turn.conversation_id)
        await self._reload()
        await self._note_allowance()

    async def _note_allowance(self) -> None:
        """Where one may ask, what is left: nothing while that is plenty."""
        self.allowance = None
        if self._section_id is not None and not self.disabled_reason:
            notice = (await allowance(acting(), self._section_id)).notice
            self.allowance = _allowance(notice) if notice.text else None

    async def _refused(self, error: StoaError) -> Any:
        if isinstance(error, TooMany):
            with suppress(StoaError):
                await self._note_allowance()
        return self._fail(error, said_elsewhere=isinstance(error, TooMany) and _blocks(self.allowance))

    def _fail(self, error: StoaError, *, said_elsewhere: bool = False) -> Any:
        self.failure = Failure(nonce=uuid4().hex, message=error.message, said_elsewhere=said_elsewhere)
        return to_sign_in(self.router.url.path) if isinstance(error, NotSignedIn) else None


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound("There is no such message.")
    return found


def _turn(turn: StartedTurn) -> TurnItem:
    return TurnItem(id=str(turn.id), answer_id=str(turn.answer_id))


def _allowance(notice: Notice) -> AllowanceItem:
    return AllowanceItem(nonce=uuid4().hex, standing=notice.standing, text=notice.text, seconds=notice.seconds)


def _blocks(item: AllowanceItem | None) -> bool:
    return item is not None and item["standing"] != Standing.LOW


def _item(message: MessageView) -> MessageItem:
    return MessageItem(
        id=str(message.id),
        role=message.role,
        content=message.content,
        status=message.status,
        error=message.error,
        model=message.model,
        rating=message.rating,
        reason=message.reason,
        at=message.created_at.astimezone(UTC).isoformat(),
    )
