"""What the test of a model said, as the page shows it."""

from decimal import Decimal
from typing import TypedDict
from uuid import uuid4

from backend.genai import Trial


class Figure(TypedDict):
    """A figure and what it counts."""

    label: str
    text: str


class TrialItem(TypedDict):
    """A test's outcome; empty texts for what isn't known. `tone` is good, warn or bad."""

    nonce: str
    tone: str
    title: str
    answer: str
    detail: str
    drift: str
    figures: list[Figure]


NO_TRIAL = TrialItem(nonce="", tone="", title="", answer="", detail="", drift="", figures=[])


def said(trial: Trial) -> TrialItem:
    """A test in words and figures."""
    if trial.untested:
        return _item("warn", "Nothing was asked", detail=trial.untested)
    if failure := trial.failure:
        status = f" (HTTP {failure.http_status})" if failure.http_status else ""
        return _item(
            "bad", f"{failure.kind}{status}", answer=trial.answer, detail=failure.detail, figures=_figures(trial)
        )
    drift = (
        f"“{trial.reported_model}” answered, not the pinned “{trial.asked_model}”. Pin the version that you mean."
        if trial.drifted
        else ""
    )
    answer = trial.answer or "(an empty answer)"
    title = "It answers, but as another model" if drift else "It works"
    return _item("warn" if drift else "good", title, answer=answer, drift=drift, figures=_figures(trial))


def not_asked() -> TrialItem:
    """What is shown when the form itself is wrong."""
    return _item("bad", "Nothing was asked", detail="Correct what is marked in the form, then test again.")


def _item(
    tone: str, title: str, *, answer: str = "", detail: str = "", drift: str = "", figures: list[Figure] | None = None
) -> TrialItem:
    return TrialItem(
        nonce=uuid4().hex, tone=tone, title=title, answer=answer, detail=detail, drift=drift, figures=figures or []
    )


def _figures(trial: Trial) -> list[Figure]:
    first = f"{trial.first_token_ms:,.0f} ms" if trial.first_token_ms is not None else "none came"
    counted = ", estimated" if trial.estimated else ""
    shown = [("First token", first), ("Duration", f"{trial.duration_ms:,.0f} ms")]
    if trial.failure is None:
        shown += [
            ("Tokens", f"{trial.input_tokens:,} in, {trial.output_tokens:,} out{counted}"),
            ("Cost", _dollars(trial.cost_usd)),
            ("Reported model", trial.reported_model or "not said"),
        ]
    return [Figure(label=label, text=text) for label, text in shown]


def _dollars(cost: Decimal | None) -> str:
    if cost is None:
        return "unpriced"
    return f"${cost:.6f}" if cost else "free"
