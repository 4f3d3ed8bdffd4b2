"""One answer of a model in the form that was asked for, with one chance to correct it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backend.genai import AssistantMessage, CompletionRequest, MalformedAnswer, UserMessage, generate
from backend.jobs import JobContext, LogLevel, Permanent

Answer = TypeVar("Answer", bound=BaseModel)

AGAIN = "That can't be used: {problem} Give the whole answer again, as JSON in the form that was asked for."
UNUSABLE = "The language model's answer couldn't be used, and not when it was asked to correct it either. {problem}"
SHOWN = 2_000
"""Characters of a bad answer that the model is shown again."""
NAMED = 4
"""Problems that are named at once."""


class Unfit(Exception):
    """An answer that can't be used: what it was, and what is wrong with it, in a sentence."""

    def __init__(self, answer: str, problem: str) -> None:
        super().__init__(problem)
        self.answer = answer
        self.problem = problem


async def ask(
    context: JobContext, request: CompletionRequest, form: type[Answer], rule: Callable[[Answer], str] = lambda _: ""
) -> Answer:
    """The model's answer as `form`, for which `rule` has no objection (a sentence; empty: none).

    A first answer that doesn't fit is given back once, with what is wrong. Raises `jobs.Permanent` when the second
    doesn't fit either, and what `generate` raises.
    """
    try:
        return await _answer(request, form, rule)
    except Unfit as unfit:
        await context.log("The answer doesn't fit; asked to correct it.", level=LogLevel.WARNING, problem=unfit.problem)
        first = unfit
    try:
        return await _answer(_corrected(request, first), form, rule)
    except Unfit as second:
        raise Permanent(UNUSABLE.format(problem=second.problem)) from second


async def _answer(request: CompletionRequest, form: type[Answer], rule: Callable[[Answer], str]) -> Answer:
    try:
        completion = await generate(request)
    except MalformedAnswer as error:
        raise Unfit(error.text, "It isn't one whole JSON object.") from error
    try:
        answer = form.model_validate(completion.parsed)
    except ValidationError as error:
        raise Unfit(completion.text, _problem(error)) from error
    if objection := rule(answer):
        raise Unfit(completion.text, objection)
    return answer


def _corrected(request: CompletionRequest, unfit: Unfit) -> CompletionRequest:
    prompt = request.prompt
    shown = [AssistantMessage(unfit.answer[:SHOWN])] if unfit.answer.strip() else []
    messages: list[Any] = [*prompt.messages, *shown, UserMessage(AGAIN.format(problem=unfit.problem))]
    return replace(request, prompt=replace(prompt, messages=messages))


def _problem(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False)
    named = [f"{'.'.join(str(part) for part in each['loc']) or 'answer'}: {each['msg']}." for each in faults[:NAMED]]
    return " ".join(named)
