"""Comparing answers: values that crossed the container's border, printed text, and files that lie."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.courses.exercises import CallTest, Comparison, Exercise, PytestTest, StdioTest
from backend.courses.literals import parse_call, parse_value
from backend.grading.commands import CLAIMS, VALUE, command_for
from backend.grading.comparisons import matches
from backend.grading.container import wire
from backend.grading.judging import judge
from backend.sandbox import Outcome, Verdict

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**5000, max_value=10**5001)
    | st.floats()
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary()
)
keys = st.booleans() | st.integers() | st.text() | st.tuples(st.integers(), st.text())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
    ),
    max_leaves=12,
)
words = st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), max_size=6)
spaces = st.text(" \t\n\r", min_size=1, max_size=3)


@given(values)
def test_a_value_that_crosses_the_border_is_the_same(value: object) -> None:
    back = wire.decode(json.loads(json.dumps(wire.encode(value))))
    assert wire.same(back, value, 0.0)
    assert type(back) is type(value)


@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100),
    st.just(0.0) | st.floats(1e-9, 0.5),  # a tolerance near a float's own precision is lost in rounding
)
def test_numbers_are_the_same_exactly_within_the_tolerance(number: float, tolerance: float) -> None:
    margin = tolerance * max(1.0, abs(number))
    assert wire.same(number + 0.9 * margin, number, tolerance)
    if margin > 1e-6 * max(1.0, abs(number)):
        assert not wire.same(number + 1.1 * margin, number, tolerance)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (True, 1),
        (0, False),
        ([1], (1,)),
        ("1", 1),
        (None, 0),
        (math.inf, -math.inf),
        (1e308, math.inf),
        (10**400, 1.0),
        ({"a": 1}, {"b": 1}),
        ([1, 2], [1]),
        (2**63, 2**63 + 1),
        (wire.Other("Cat", "[1]"), [1]),
        (wire.Other("Cat", "x"), ("Cat", "x")),
    ],
)
def test_what_only_looks_alike_is_not_the_same(actual: object, expected: object) -> None:
    assert not wire.same(actual, expected, 1e-9)


def test_nan_is_the_expected_nan_and_an_int_equals_its_float() -> None:
    assert wire.same([math.nan, 12], [math.nan, 12.0], 0.0)
    assert wire.same({"a": 0.1 + 0.2}, {"a": 0.3}, 1e-9)


@given(words, spaces, spaces)
def test_spaces_do_not_matter_where_they_should_not(said: list[str], one: str, other: str) -> None:
    for comparison in (Comparison.WHITESPACE, Comparison.NUMERIC):
        assert matches(one + other.join(said) + one, " ".join(said), comparison)
        assert not matches(" ".join([*said, "more"]), " ".join(said), comparison)


@given(st.text(st.characters(exclude_characters="\r")))
def test_exactly_means_every_character_but_the_last_lines_end(text: str) -> None:
    whole = text.rstrip("\n") + "\n"
    assert matches(whole.removesuffix("\n"), whole, Comparison.EXACT)
    assert matches(text.replace("\n", "\r\n"), text, Comparison.EXACT)
    assert not matches(f" {text}", text, Comparison.EXACT)


@given(st.floats(-1e6, 1e6))
def test_printed_numbers_may_differ_by_the_tolerance_and_words_may_not(number: float) -> None:
    assert matches(f"sum {number!r}", f"sum {number + 1e-7!r}", Comparison.NUMERIC, 1e-6)
    assert not matches(f"sum {number!r}", f"sum {number + 10 + abs(number)!r}", Comparison.NUMERIC, 1e-6)
    assert not matches(f"sam {number!r}", f"sum {number!r}", Comparison.NUMERIC, 1e-6)


@pytest.mark.parametrize("word", ["1_0", "١٠", "0x0a", "10.0.0", "ten"])
def test_only_plain_numbers_count_as_numbers(word: str) -> None:
    assert not matches(word, "10", Comparison.NUMERIC, 1.0)


@pytest.mark.parametrize("text", ["f(x)", "f(*[1])", "f(**{})", "(lambda: 1)()", "a.b()", "f(1", "["])
def test_only_literals_are_read(text: str) -> None:
    for parse in (parse_call, parse_value):
        with pytest.raises(ValueError, match="literals"):
            parse(text)


def test_a_call_is_no_value() -> None:
    with pytest.raises(ValueError, match="literals"):
        parse_value("__import__('os')")


def test_deep_nesting_is_refused_on_both_sides() -> None:
    with pytest.raises(ValueError, match="literals"):
        parse_value("[" * 5_000)
    with pytest.raises(ValueError, match="deep"):
        wire.decode(json.loads("[" * 200 + "]" * 200))


def test_a_call_keeps_its_arguments() -> None:
    call = parse_call("area(3, -2.5, unit='cm', of=(1, [nan]))")
    assert (call.function, call.args, call.kwargs["unit"]) == ("area", (3, -2.5), "cm")
    assert math.isnan(call.kwargs["of"][1][0])


CALL = CallTest(name="a", call="secret_of(4)", expected="'sesame'")
PYTEST = PytestTest(name="a", file="def test_a(): pass")


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(wire.encode(value)).encode()))
def test_no_file_from_the_container_breaks_the_host(data: bytes) -> None:
    judged = judge(CALL, Outcome(exit_code=0, files={VALUE: data}))
    assert judged.verdict in {Verdict.FORMAT_ERROR, Verdict.WRONG_ANSWER, Verdict.ACCEPTED}
    assert judged.passed == (data == b'"sesame"') or json.loads(data) == "sesame"
    judged.actual.encode()
    assert not judge(PYTEST, Outcome(exit_code=0, files={CLAIMS: data})).passed


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 60_000,
        b'{"set": [' + b",".join(str(n).encode() for n in range(3_000)) + b"]}",
        b'{"int": "0x' + b"f" * 60_000 + b'"}',
        b'{"complex": [1' + b"0" * 400 + b", 0]}",
        b"9" * 60_000,
        b'"' + b"a" * 70_000 + b'"',
        b'{"other": "\\ud800", "text": "\\u0000\\ud800"}',
    ],
)
def test_an_answer_made_to_hurt_is_a_wrong_one(data: bytes) -> None:
    judged = judge(CALL, Outcome(exit_code=0, files={VALUE: data}))
    assert not judged.passed
    assert "\0" not in judged.actual.encode().decode()


@pytest.mark.parametrize(
    ("claims", "exit_code", "verdict", "share"),
    [
        ({"passed": 3, "total": 3}, 0, Verdict.ACCEPTED, 1.0),
        ({"passed": 1, "total": 4}, 1, Verdict.WRONG_ANSWER, 0.25),
        ({"passed": 4, "total": 4}, 1, Verdict.WRONG_ANSWER, 0.0),
        ({"passed": 1, "total": 4}, 0, Verdict.WRONG_ANSWER, 0.0),
        ({"passed": 9, "total": 4}, 0, Verdict.FORMAT_ERROR, 0.0),
        ({"passed": True, "total": 1}, 0, Verdict.FORMAT_ERROR, 0.0),
        ({"passed": 0, "total": 0}, 0, Verdict.FORMAT_ERROR, 0.0),
        ({"passed": 3, "total": 3}, 2, Verdict.RUNTIME_ERROR, 0.0),
    ],
)
def test_claims_count_only_where_they_agree(claims: object, exit_code: int, verdict: Verdict, share: float) -> None:
    judged = judge(PYTEST, Outcome(exit_code=exit_code, files={CLAIMS: json.dumps(claims).encode()}))
    assert (judged.verdict, judged.share) == (verdict, share)


def test_what_is_expected_does_not_go_into_the_container() -> None:
    stdio = StdioTest(name="a", stdin="4", expected="sesame")
    for test in (CALL, stdio):
        command = command_for(test, "print()")
        sent = b"".join([*command.files.values(), command.stdin, *(part.encode() for part in command.argv)])
        assert b"sesame" not in sent


def test_an_exercise_that_could_run_too_long_is_refused() -> None:
    tests = [{"kind": "stdio", "name": str(number), "expected": ""} for number in range(40)]
    with pytest.raises(ValueError, match="300 seconds"):
        Exercise.model_validate({"title": "t", "statement": "s", "tests": tests, "limits": {"seconds": 10}})


@pytest.mark.timeout(5)
def test_a_number_that_goes_on_for_ever_holds_nobody_up() -> None:
    for word in ("1" * 500_000 + "x", "1." + "1" * 500_000 + "x", "." + "1" * 500_000 + "e"):
        assert not matches(word, "1", Comparison.NUMERIC, 0.1)
