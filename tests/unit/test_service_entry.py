"""What a form of a service config takes and refuses, and what a budget says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from backend.core.errors import FieldErrors
from backend.genai.budgets import BudgetState, Spending, month_start
from backend.genai.service_entry import ServiceDraft, chain_fault, entry_of

PRIMARY, SECONDARY, FALLBACK, BACKUP = "primary", "secondary", "fallback", "backup"
DRAFT = ServiceDraft(
    name=" Tutor ",
    chain=((PRIMARY, "a"), (SECONDARY, "b"), (FALLBACK, "c"), (FALLBACK, "d"), (BACKUP, "e")),
    temperature="0.5",
    max_output_tokens=" 900 ",
    budget_usd="12.50",
)


def faults_of(draft: ServiceDraft) -> dict[str, str]:
    with pytest.raises(FieldErrors) as refused:
        entry_of(draft)
    return refused.value.fields


def test_a_form_becomes_an_entry_of_the_catalogue_file() -> None:
    entry = entry_of(DRAFT)
    assert entry.chain() == list(DRAFT.chain)
    assert (entry.name, entry.temperature, entry.max_output_tokens) == ("Tutor", 0.5, 900)
    assert entry.budget_usd == Decimal("12.50")


def test_what_is_left_blank_is_cleared_and_not_kept() -> None:
    entry = entry_of(replace(DRAFT, temperature=" ", max_output_tokens="", budget_usd=""))
    assert (entry.temperature, entry.max_output_tokens, entry.budget_usd) == (None, None, None)
    assert {"temperature", "max_output_tokens", "budget_usd"} <= entry.model_fields_set


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "  ", "This can't be empty."),
        ("name", "x" * 121, "At most 120 characters."),
        ("name", "a\nb", "Must not hold line breaks or other control characters."),
        ("temperature", "warm", "Give a number."),
        ("temperature", "nan", "Give a number."),
        ("temperature", "-0.1", "At least 0."),
        ("temperature", "2.1", "At most 2."),
        ("max_output_tokens", "1.5", "Give a whole number."),
        ("max_output_tokens", "0", "At least 1."),
        ("budget_usd", "a lot", "Give a number."),
        ("budget_usd", "inf", "Give a number."),
        ("budget_usd", "0", "More than 0."),
        ("budget_usd", "1.005", "At most 2 digits after the point."),
        ("budget_usd", "99999999999", "At most 10 digits before the point."),
    ],
)
def test_a_wrong_value_is_refused_at_its_field(field: str, typed: str, sentence: str) -> None:
    assert faults_of(replace(DRAFT, **{field: typed})) == {field: sentence}


@pytest.mark.parametrize(
    ("roles", "sentence"),
    [
        ([], "Add at least one model: the primary."),
        ([FALLBACK], "The first model is the primary, and no other is."),
        ([PRIMARY, PRIMARY], "The first model is the primary, and no other is."),
        ([SECONDARY, PRIMARY], "The first model is the primary, and no other is."),
        ([PRIMARY, SECONDARY, SECONDARY], "There is one secondary at most, right after the primary."),
        ([PRIMARY, FALLBACK, SECONDARY], "There is one secondary at most, right after the primary."),
        ([PRIMARY, BACKUP, FALLBACK], "There is one backup at most, and it comes last."),
        ([PRIMARY, BACKUP, BACKUP], "There is one backup at most, and it comes last."),
        ([PRIMARY, "boss"], "“boss” is no role of a chain."),
        ([PRIMARY] + [FALLBACK] * 50, "A chain has at most 50 models."),
    ],
)
def test_a_chain_of_wrong_roles_is_refused(roles: list[str], sentence: str) -> None:
    assert chain_fault(roles) == sentence


@pytest.mark.parametrize("roles", [[PRIMARY], [PRIMARY, BACKUP], [PRIMARY, SECONDARY, FALLBACK, FALLBACK, BACKUP]])
def test_a_chain_of_right_roles_is_taken(roles: list[str]) -> None:
    assert chain_fault(roles) == ""


def test_every_fault_is_told_at_once() -> None:
    assert faults_of(ServiceDraft(chain=((BACKUP, "a"),), temperature="9")) == {
        "name": "This can't be empty.",
        "temperature": "At most 2.",
        "chain": "The first model is the primary, and no other is.",
    }


def test_a_model_twice_in_a_chain_is_refused() -> None:
    twice = replace(DRAFT, chain=((PRIMARY, "a"), (FALLBACK, "a")))
    assert faults_of(twice) == {"chain": "“a” stands in the chain twice."}


@pytest.mark.parametrize(
    ("usd", "budget", "state"),
    [
        ("5", None, BudgetState.UNLIMITED),
        ("0", "10", BudgetState.OK),
        ("7.99", "10", BudgetState.OK),
        ("8", "10", BudgetState.WARNING),
        ("9.99999", "10", BudgetState.WARNING),
        ("10", "10", BudgetState.SPENT),
        ("12", "10", BudgetState.SPENT),
    ],
)
def test_a_budget_warns_at_80_percent_and_is_spent_at_100(usd: str, budget: str | None, state: BudgetState) -> None:
    assert Spending(Decimal(usd), 0, Decimal(budget) if budget else None).state is state


def test_a_month_begins_in_utc() -> None:
    early = datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    assert month_start(early) == datetime(2026, 2, 1, tzinfo=UTC)
