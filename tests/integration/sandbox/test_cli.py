"""`stoa sandbox run`: a program, its output, a verdict."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def sandbox_run(*arguments: str, docker_host: str | None = None) -> subprocess.CompletedProcess[str]:
    """`stoa sandbox run`, to its end."""
    environment = os.environ | ({"DOCKER_HOST": docker_host} if docker_host else {})
    command = [sys.executable, "-m", "backend.cli", "sandbox", "run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "in.txt").write_text("12")
    (tmp_path / "program.py").write_text("print(int(input()) * 2)")
    return tmp_path / "program.py"


def test_a_program_runs_with_its_input(engine: None, program: Path) -> None:
    done = sandbox_run(str(program), "--stdin", str(program.parent / "in.txt"), "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["verdict"], told["stdout"], told["exit"]) == (0, None, "24\n", 0)


def test_a_program_that_fails_says_why_and_so_does_the_exit_status(engine: None, program: Path) -> None:
    program.write_text("print('\\x1b[2J before'); 1 / 0")
    done = sandbox_run(str(program), "--time", "2", "--memory", "64")
    assert done.returncode == 1
    assert done.stdout == "[2J before\n"
    assert "ZeroDivisionError" in done.stderr
    assert "stopped with an error" in done.stderr


def test_without_an_engine_it_says_where_to_look(program: Path) -> None:
    done = sandbox_run(str(program), docker_host="unix:///nowhere/docker.sock")
    assert done.returncode == 1
    assert "stoa doctor" in done.stderr


def test_tests_grade_a_program(engine: None, tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text("def twice(x):\n    return x * 2\n")
    spec = tmp_path / "tests.json"
    right = {"kind": "call", "name": "Four", "call": "twice(2)", "expected": "4"}
    spec.write_text(json.dumps({"tests": [right, right | {"name": "Words", "expected": "'4'"}]}))
    done = sandbox_run(str(tmp_path / "twice.py"), "--tests", str(spec), "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["score"], told["max_score"]) == (1, 1, 2)
    assert [test["status"] for test in told["tests"]] == ["passed", "failed"]
    spec.write_text(json.dumps({"tests": [right]}))
    done = sandbox_run(str(tmp_path / "twice.py"), "--tests", str(spec))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "passed  Four  Your program did what was asked.")
