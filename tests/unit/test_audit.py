"""What differs between two states of something that was changed."""

from backend.access.audit import AuditChange, differences


def test_only_fields_that_changed_are_told_by_name() -> None:
    before = {"name": "Tutor", "budget_usd": 5, "fallbacks": ["GPT"]}
    after = {"name": "Tutor", "budget_usd": 8, "fallbacks": ["GPT", "Local"], "temperature": 0.5}
    assert differences(before, after) == (
        AuditChange("budget_usd", 5, 8),
        AuditChange("fallbacks", ["GPT"], ["GPT", "Local"]),
        AuditChange("temperature", None, 0.5),
    )


def test_what_was_made_or_deleted_has_one_side_and_no_empty_fields() -> None:
    assert differences({}, {"name": "Tutor", "budget_usd": None}) == (AuditChange("name", None, "Tutor"),)
    assert differences({"name": "Tutor"}, {}) == (AuditChange("name", "Tutor", None),)


def test_a_secret_is_only_set_or_replaced() -> None:
    assert differences({"api_key": "set"}, {"api_key": "replaced"}) == (AuditChange("api_key", "set", "replaced"),)


def test_no_and_nothing_are_not_the_same() -> None:
    assert differences({"enabled": None}, {"enabled": False}) == (AuditChange("enabled", None, False),)
