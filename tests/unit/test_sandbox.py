"""What is decided about the sandbox without one: verdicts, frames, the number of hostile programs."""

import socket
import threading

import pytest

from backend.sandbox import Limits, Outcome, Verdict, verdict_of
from backend.sandbox.frames import Broken, largest_answer, outcome_of, receive
from backend.sandbox.outdated import outdated
from backend.sandbox.policy import host_options, seccomp_profile
from tests.hostile.sandbox.programs import PROGRAMS


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome(exit_code=0), None),
        (Outcome(exit_code=1), Verdict.RUNTIME_ERROR),
        (Outcome(signal=11), Verdict.RUNTIME_ERROR),
        (Outcome(signal=9, timed_out=True), Verdict.TIME_LIMIT),
        (Outcome(signal=9, truncated=True), Verdict.OUTPUT_LIMIT),
        (Outcome(exit_code=0, out_of_memory=True), Verdict.MEMORY_LIMIT),
        (Outcome(signal=9, timed_out=True, processes_refused=True), Verdict.PROCESS_LIMIT),
        (Outcome(signal=9, out_of_memory=True, processes_refused=True, timed_out=True), Verdict.MEMORY_LIMIT),
    ],
)
def test_a_limit_that_was_reached_decides(outcome: Outcome, verdict: Verdict | None) -> None:
    assert verdict_of(outcome) is verdict


def test_every_verdict_has_a_sentence_for_students() -> None:
    assert all(verdict.sentence.endswith(".") for verdict in Verdict)


def pieces(*contents: bytes, stream: int = 1) -> bytes:
    """`contents` as the engine passes them on."""
    return b"".join(bytes([stream, 0, 0, 0]) + len(each).to_bytes(4, "big") + each for each in contents)


def received(sent: bytes, most: int = 1000) -> dict[str, object]:
    """What comes of `sent`, after which the other side hangs up."""
    ours, theirs = socket.socketpair()
    with ours:
        threading.Thread(target=lambda: (theirs.sendall(sent), theirs.close())).start()
        return receive(ours, 5, most)


def test_a_frame_may_come_in_pieces_and_between_them_what_isnt_ours() -> None:
    body = b'{"ready": true}'
    whole = len(body).to_bytes(4, "big") + body
    assert received(pieces(whole[:2], whole[2:7]) + pieces(b"noise", stream=2) + pieces(whole[7:])) == {"ready": True}


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        pieces(b"\0\0\0\x05{}"),
        pieces(b"\x7f\xff\xff\xff"),
        pieces(b"\0\0\0\x02[]"),
        pieces(b"\0\0\0\x02{x"),
        pieces(b"\0\0\x03\x20" + b"[" * 800),
    ],
    ids=["nothing", "half", "too large", "not an object", "not JSON", "nested"],
)
def test_a_wrong_frame_is_the_end(sent: bytes) -> None:
    with pytest.raises(Broken):
        received(sent)


@pytest.mark.parametrize("answer", [{}, {"id": 1}, {"id": "b"}, {"id": "a"}, {"id": "a", "stdout": 7}])
def test_an_answer_of_another_form_is_the_end(answer: dict[str, object]) -> None:
    with pytest.raises(Broken):
        outcome_of(answer, "a")


def test_the_largest_honest_answer_fits() -> None:
    limits = Limits()
    assert largest_answer(limits) > 4 / 3 * (2 * limits.output_bytes + limits.collect_bytes)


def test_gvisors_own_threads_have_room_in_the_engines_count() -> None:
    limits = Limits(processes=32)
    assert host_options(limits, None)["pids_limit"] == 33
    assert host_options(limits, "runsc")["pids_limit"] > 500


def test_the_lock_up_is_complete() -> None:
    options = host_options(Limits(), None)
    assert (options["network_mode"], options["ipc_mode"], options["read_only"]) == ("none", "none", True)
    assert options["cap_drop"] == ["ALL"]
    assert options["mem_limit"] == options["memswap_limit"]
    assert f"seccomp={seccomp_profile()}" in options["security_opt"]
    assert "no-new-privileges" in options["security_opt"]
    assert all("noexec" in mount and "nosuid" in mount and "nodev" in mount for mount in options["tmpfs"].values())


def test_a_build_leaves_the_latest_images_only() -> None:
    images = [
        {"Id": f"sha256:{age}", "Created": 1000 - age, "RepoTags": [f"stoa-sandbox:{age}", f"other:{age}"]}
        for age in (3, 1, 0, 4, 2)
    ]
    images.append({"Id": "sha256:9", "Created": 900, "RepoTags": None})
    assert outdated(images, "stoa-sandbox", "sha256:0") == ["stoa-sandbox:3", "stoa-sandbox:4"]
    assert outdated(images, "stoa-sandbox", "sha256:4") == ["stoa-sandbox:2", "stoa-sandbox:3"]


def test_there_are_sixty_hostile_programs_at_least() -> None:
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS) >= 60
