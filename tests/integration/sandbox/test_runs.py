"""What goes into a box and what comes out: honest programs, and each limit for a program and for a child of it."""

import pytest

from backend.core.errors import Invalid
from backend.sandbox import Box, Command, Verdict, verdict_of
from tests.support.boxes import QUICK, python, ran

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHILD = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {source!r}]))"


async def test_input_and_files_go_in_and_output_and_files_come_out(box: Box) -> None:
    source = """
        import sys, pathlib, data
        print(input(), data.number)
        print("aside", file=sys.stderr)
        pathlib.Path("out").mkdir()
        pathlib.Path("out/deep.txt").write_bytes(b"\\0\\xff")
        sys.exit(3)
    """
    outcome = await box.run(python(source, b"hello\n", ("out/deep.txt", "nothing"), data_py=b"number = 7"))
    assert (outcome.stdout, outcome.stderr, outcome.exit_code) == (b"hello 7\n", b"aside\n", 3)
    assert outcome.files == {"out/deep.txt": b"\0\xff"}
    assert outcome.refused_files == {"nothing": "missing"}
    assert 0 < outcome.cpu_seconds < outcome.wall_seconds + 0.1
    assert outcome.max_rss_kb > 1000


async def test_a_megabyte_of_input_is_read(box: Box) -> None:
    outcome = await box.run(python("import sys; print(len(sys.stdin.buffer.read()))", b"x" * 1_000_000))
    assert outcome.stdout == b"1000000\n"


async def test_input_that_nobody_reads_stops_nothing(box: Box) -> None:
    assert (await box.run(python("print('done')", b"x" * 1_000_000))).stdout == b"done\n"


async def test_the_environment_is_empty_but_for_the_locale_and_the_seed_can_be_fixed(box: Box) -> None:
    source = "import os; print(sorted(os.environ), hash('stoa'), 'é')"
    command = Command(("python3", "-c", source), hash_seed=7)
    first, second = await box.run(command), await box.run(command)
    assert first.stdout == second.stdout
    assert "é" in first.stdout.decode()
    assert not {"STOA", "HOSTNAME", "DOCKER"} & set(first.stdout.decode().replace("'", "").split(", "))


async def test_numpy_and_pytest_are_there_and_a_compiler_is_not(box: Box) -> None:
    test = b"import numpy\ndef test_it():\n    assert numpy.ones(3).sum() == 3"
    outcome = await box.run(Command(("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"), {"test_it.py": test}))
    assert b"1 passed" in outcome.stdout
    outcome = await ran(box, "import shutil; print([shutil.which(x) for x in ('gcc', 'bash', 'apt', 'perl', 'pip')])")
    assert outcome.stdout == b"[None, None, None, None, None]\n"


async def test_nothing_in_the_image_has_a_setuid_bit_or_can_be_written(box: Box) -> None:
    source = """
        import os
        for top, folders, names in os.walk("/"):
            folders[:] = [each for each in folders if os.path.join(top, each) not in ("/proc", "/sys", "/box", "/tmp")]
            for path in [top, *(os.path.join(top, each) for each in names)]:
                if not os.path.islink(path) and os.lstat(path).st_mode & 0o6000 or os.access(path, os.W_OK):
                    if not path.startswith("/dev/"):
                        print(path)
    """
    assert (await ran(box, source)).stdout == b""


async def test_a_program_that_is_missing_is_its_own_error(box: Box) -> None:
    outcome = await box.run(Command(("no-such-program",)))
    assert outcome.exit_code == 127
    assert b"no-such-program" in outcome.stderr


async def test_a_command_finds_nothing_of_the_one_before(box: Box) -> None:
    leaving = """
        import os, subprocess, sys
        open("/tmp/left", "w").write("x"); open("left", "w").write("x")
        os.makedirs("a/b/c"); os.chmod("a/b", 0)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    """
    assert (await ran(box, leaving)).exit_code == 0
    looking = (
        "import os; print(os.listdir('.'), os.listdir('/tmp'), sum(name.isdigit() for name in os.listdir('/proc')))"
    )
    assert (await ran(box, looking)).stdout == b"['main.py'] [] 2\n"


async def test_what_a_program_executes_and_opens_is_recorded(box: Box) -> None:
    outcome = await ran(box, "import subprocess; subprocess.call(['/bin/sh', '-c', ': < /etc/group'])")
    assert "/bin/sh" in outcome.executed
    assert "/etc/group" in outcome.opened


SPIN = "while True: pass"
SLEEP = "import time; time.sleep(60)"
HOARD = "x = bytearray(300 * 2**20)"
FLOOD = "while True: print('x' * 1000)"
THREADS = (
    "import threading, time\nfor _ in range(99): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()"
)


@pytest.mark.parametrize("as_child", [False, True], ids=["itself", "child"])
@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        (SPIN, Verdict.TIME_LIMIT),
        (SLEEP, Verdict.TIME_LIMIT),
        (HOARD, Verdict.MEMORY_LIMIT),
        (FLOOD, Verdict.OUTPUT_LIMIT),
        (THREADS, Verdict.PROCESS_LIMIT),
        ("raise SystemExit(1)", Verdict.RUNTIME_ERROR),
    ],
    ids=["spin", "sleep", "memory", "output", "processes", "error"],
)
async def test_a_limit_is_the_programs_and_its_childrens(
    box: Box, source: str, verdict: Verdict, as_child: bool
) -> None:
    outcome = await ran(box, CHILD.format(source=source) if as_child else source)
    assert verdict_of(outcome) is verdict
    assert len(outcome.stdout) <= QUICK.output_bytes
    assert outcome.wall_seconds < QUICK.wall_seconds + 1


async def test_processors_time_is_counted_over_all_children(box: Box) -> None:
    source = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    outcome = await ran(box, source)
    assert outcome.timed_out
    assert outcome.cpu_seconds < QUICK.cpu_seconds + 0.5


async def test_a_program_that_ends_well_decides_nothing(box: Box) -> None:
    assert verdict_of(await ran(box, "print('fine')")) is None


@pytest.mark.parametrize(
    "command",
    [
        Command(()),
        Command(("python3",), files={"../up": b""}),
        Command(("python3",), files={"/etc/passwd": b""}),
        Command(("python3",), collect=("a/../../b",)),
        Command(("python3",), collect=("a//b",)),
        Command(("python3", "a\0b")),
        Command(("python3",), stdin=b"x" * 9_000_000),
        Command(("python3",), files={str(number): b"" for number in range(101)}),
    ],
)
async def test_what_cant_be_asked_for_is_refused(box: Box, command: Command) -> None:
    with pytest.raises(Invalid):
        await box.run(command)
