"""Containers kept ready, what is left when things go wrong, and the record of it all."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest

from backend.access import ANONYMOUS, SYSTEM
from backend.core.errors import NotSignedIn
from backend.sandbox import Command, Limits, Sandbox, SandboxUnavailable, Verdict, export_runs, read_runs
from backend.sandbox.audit import forget_old_runs, record
from backend.sandbox.box import Run
from backend.sandbox.engine import Engine
from backend.sandbox.policy import LABEL, owner
from tests.support.boxes import QUICK, python, ran
from tests.support.engine import my_containers, traces
from tests.support.services import environment

HELLO = python("print('hello')")


@pytest.fixture
async def sandbox(engine: None) -> AsyncIterator[Sandbox]:
    made = Sandbox(warm=1)
    yield made
    await made.close()
    assert my_containers() == set()


async def started(sandbox: Sandbox) -> None:
    """Start it, and wait until a container is ready."""
    await sandbox.start()
    while not sandbox.ready:
        await asyncio.sleep(0.01)


async def test_a_warm_container_is_used_once_and_replaced_after_the_run(sandbox: Sandbox) -> None:
    await started(sandbox)
    used = set()
    for _ in range(2):
        async with sandbox.box("test:warm") as box:
            used.add(box.containers[0].id)
            assert sandbox.ready == 0
            assert (await box.run(HELLO)).stdout == b"hello\n"
            assert sandbox.ready == 0
        await sandbox.settled()
        assert sandbox.ready == 1
    assert len(used) == 2
    assert not my_containers() & used
    assert traces(used) == []


async def test_a_warm_container_takes_another_limit_of_memory(sandbox: Sandbox) -> None:
    await started(sandbox)
    async with sandbox.box("test:memory", Limits(memory_mb=64)) as box:
        assert sandbox.ready == 0
        assert (await ran(box, "x = bytearray(80 * 2**20)")).out_of_memory
        assert (await box.run(HELLO)).stdout == b"hello\n"


async def test_a_container_that_a_program_ends_is_replaced_for_the_next_command(sandbox: Sandbox) -> None:
    async with sandbox.box("test:replaced", QUICK) as box:
        first = box.containers[0]
        first.hang_up()
        assert (await box.run(HELLO)).stdout == b"hello\n"
        assert [each.alive for each in box.containers] == [False, True]


async def test_a_container_that_is_taken_away_is_nobodys_fault(sandbox: Sandbox) -> None:
    async with sandbox.box("test:away", QUICK) as box:
        running = asyncio.create_task(box.run(python("import time; time.sleep(60)")))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(Engine().api.remove_container, box.containers[0].id, force=True)
        with pytest.raises(SandboxUnavailable):
            await running
    await sandbox.settled()
    assert box.record.verdict is Verdict.SANDBOX_ERROR


async def test_a_warm_container_that_died_is_not_handed_out(sandbox: Sandbox) -> None:
    await started(sandbox)
    engine = Engine()
    (dead,) = my_containers()
    await asyncio.to_thread(engine.api.remove_container, dead, force=True)
    engine.close()
    async with sandbox.box("test:dead") as box:
        assert dead not in {each.id for each in box.containers}
        assert (await box.run(HELLO)).stdout == b"hello\n"


async def test_a_cancelled_run_leaves_no_container(sandbox: Sandbox) -> None:
    async def work() -> None:
        async with sandbox.box("test:cancelled", QUICK) as box:
            await box.run(python("import time; time.sleep(60)"))

    for patience in (0.05, 0.6):
        task = asyncio.create_task(work())
        await asyncio.sleep(patience)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await sandbox.settled()
    assert my_containers() == set()


@pytest.mark.parametrize("patience", [0.0, 0.1, 0.3])
async def test_closing_while_the_pool_fills_leaves_no_container(sandbox: Sandbox, patience: float) -> None:
    await sandbox.start()
    await asyncio.sleep(patience)
    await sandbox.close()
    assert my_containers() == set()


async def test_without_an_engine_nothing_runs_and_what_waits_can_try_again() -> None:
    with environment(DOCKER_HOST="unix:///nowhere/docker.sock"):
        sandbox = Sandbox(warm=1)
        await sandbox.start()
        with pytest.raises(SandboxUnavailable):
            async with sandbox.box("test:nowhere") as box:
                await box.run(HELLO)
        await sandbox.close()


async def test_a_sweep_removes_what_nobody_holds_and_nothing_else(sandbox: Sandbox) -> None:
    engine = Engine()
    name = (await asyncio.to_thread(engine.info))["Name"]
    async with sandbox.box("test:sweep", QUICK) as box:
        image = box.containers[0].image
        strays = {
            engine.api.create_container(image, labels={LABEL: label}, host_config=None)["Id"]
            for label in (f"{name} 999999999 1", owner())  # a dead process's, and one that we failed to remove
        }
        await asyncio.to_thread(engine.remove_strays)
        left = {each["Id"] for each in engine.api.containers(all=True, filters={"label": LABEL})}
        assert not strays & left
        assert box.containers[0].id in left
    engine.close()


async def test_a_run_is_recorded_with_what_the_engine_noted(engine: None, database: str) -> None:
    person = uuid4()
    sandbox = Sandbox(warm=0, recorder=record)
    async with sandbox.box("submission:7", QUICK, person) as box:
        await box.run(python("import os; os.system('true'); print('a secret of the student')"))
        await box.run(Command(("python3", "\udc80"), {"<b>.py": b"1"}))
        box.verdict = Verdict.WRONG_ANSWER
    await sandbox.close()
    [line] = await read_runs(SYSTEM, search=str(person))
    assert (line.owner, line.verdict, line.limits["memory_mb"]) == ("submission:7", "wrong_answer", 128)
    assert line.image.startswith("sha256:")
    assert {"create", "start", "die", "destroy"} <= {event["event"] for event in line.events}
    assert line.commands[0]["exit"] == 0
    assert "/bin/sh" in line.commands[0]["executed"]
    assert line.commands[1]["files"] == {"<b>.py": 1}
    [exported] = [json.loads(each) async for each in export_runs(SYSTEM, verdict="wrong_answer")]
    assert exported["id"] == str(line.id)
    assert "secret" not in json.dumps(exported)
    assert await read_runs(SYSTEM, after=line.cursor) == []


async def test_a_record_is_for_administrators_and_is_forgotten(database: str) -> None:
    await record(Run("submission:8", None, Limits()))
    with pytest.raises(NotSignedIn):
        await read_runs(ANONYMOUS)
    assert await forget_old_runs() == 0
    assert len(await read_runs(SYSTEM)) == 1


async def test_many_containers_may_die_in_one_box(sandbox: Sandbox) -> None:
    async with sandbox.box("test:deaths", QUICK) as box:
        for _ in range(7):
            assert (await box.run(HELLO)).stdout == b"hello\n"
            box.containers[-1].hang_up()
    assert len(box.containers) == 7


FORGER = """
import json, os
answer = json.dumps({"id": 1, "exit": 0}).encode()
for number in range(3, 9):
    try:
        os.write(os.open(f"/proc/1/fd/{number}", os.O_WRONLY | os.O_NONBLOCK), len(answer).to_bytes(4, "big") + answer)
    except OSError:
        pass
"""


async def test_gvisor_runs_the_same_programs_where_it_is_installed(engine: None) -> None:
    known = await asyncio.to_thread(Engine().info)
    if "runsc" not in known["Runtimes"]:
        pytest.skip("the engine has no runtime `runsc`; it is optional")
    with environment(STOA_SANDBOX_RUNTIME="runsc"):
        sandbox = Sandbox(warm=0)
        async with sandbox.box("test:gvisor", QUICK) as box:
            hello = await box.run(HELLO)
            assert (hello.stdout, hello.exit_code, hello.opened) == (b"hello\n", 0, ())
            busy = await ran(box, "while True: pass")
            assert busy.timed_out
            assert busy.wall_seconds < QUICK.wall_seconds
            sleepers = "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(9,)).start()"
            assert (await ran(box, sleepers)).processes_refused
            assert (await ran(box, "x = bytearray(b'1') * 2**28")).out_of_memory
            with pytest.raises(SandboxUnavailable):
                await ran(box, FORGER)
            assert (await box.run(HELLO)).stdout == b"hello\n"
        await sandbox.close()
    assert my_containers() == set()
