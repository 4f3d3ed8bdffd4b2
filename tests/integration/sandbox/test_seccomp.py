# ruff: noqa: E501 - a table
"""A test per denied group of system calls: what is tried, with its number, is refused, whatever its arguments."""

import json
import platform

import pytest
import pytest_asyncio

from backend.sandbox import Box
from backend.sandbox.policy import IMAGE_FOLDER
from tests.support.boxes import ran

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are of x86-64"),
]

EPERM, ENOSYS = 1, 38
AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK, AF_XDP = 2, 10, 16, 17, 38, 40, 44

REFUSED: dict[str, list[tuple[int, ...]]] = {
    # group: (number, arguments…) on x86-64
    "tracing": [(101, 0), (310, 1, 0, 0, 0, 0, 0), (311, 1, 0, 0, 0, 0, 0), (312, 1, 1, 0, 0, 0)],
    "bpf": [(321, 0, 0, 0)],
    "performance": [(298, 0, 0, -1, -1, 0)],
    "keys": [(248, 0, 0, 0, 0, 0), (249, 0, 0, 0, 0), (250, 0, 0, 0, 0, 0)],
    "io_uring": [(425, 1, 0), (426, 0, 0, 0, 0, 0, 0), (427, 0, 0, 0, 0)],
    "userfaultfd": [(323, 0)],
    "mounting": [(165, 0, 0, 0, 0, 0), (166, 0, 0), (155, 0, 0), (428, -1, 0, 0), (429, -1, 0, -1, 0, 0), (430, 0, 0), (442, -1, 0, 0, 0, 0)],
    "root": [(161, 0)],
    "namespaces": [(272, 0x10000000), (308, -1, 0)],
    "clone with namespaces": [(56, 0x10000000 | 17, 0, 0, 0, 0), (56, 0x40000000 | 17, 0, 0, 0, 0), (56, 0x20000 | 17, 0, 0, 0, 0)],
    "modules": [(175, 0, 0, 0), (313, -1, 0, 0), (176, 0, 0)],
    "kernel": [(246, 0, 0, 0, 0), (320, -1, -1, 0, 0, 0), (169, 0, 0, 0, 0), (103, 0, 0, 0)],
    "swap": [(167, 0, 0), (168, 0)],
    "clock": [(227, 0, 0), (164, 0, 0), (159, 0), (305, 0, 0)],
    "names": [(170, 0, 0), (171, 0, 0)],
    "who one is": [(105, 0), (106, 0), (113, 0, 0), (114, 0, 0), (117, 0, 0, 0), (119, 0, 0, 0), (116, 0, 0), (122, 0), (126, 0, 0)],
    "owners": [(92, 0, 0, 0), (93, 0, 0, 0), (94, 0, 0, 0), (260, -100, 0, 0, 0, 0)],
    "devices": [(133, 0, 0o20666, 259), (259, -100, 0, 0o60666, 0), (172, 3), (173, 0, 0, 0)],
    "handles of files": [(303, -100, 0, 0, 0, 0), (304, -1, 0, 0)],
    "others' descriptors": [(438, -1, 0, 0)],
    "others' limits": [(302, 1, 7, 0, 0)],
    "others' priority": [(141, 0, 1, 19), (142, 1, 0), (144, 1, 0, 0), (203, 1, 0, 0), (251, 1, 1, 0), (314, 1, 0, 0)],
    "others' memory": [(279, 1, 0, 0, 0, 0, 0), (256, 1, 0, 0, 0), (440, -1, 0, 0, 0, 0), (448, -1, 0)],
    "watching files": [(253,), (294, 0), (300, 0, 0)],
    "shared memory that outlives": [(29, 0, 4096, 0o1600), (64, 0, 1, 0o1600), (68, 0, 0o1600), (240, 0, 0, 0, 0), (319, 0, 0)],
    "pipes between files": [(275, 0, 0, 0, 0, 0, 0), (276, 0, 0, 0, 0), (278, 0, 0, 0, 0)],
    "old events": [(206, 0, 0), (209, 0, 0, 0)],
    "personality": [(135, 0xFFFFFFFF)],
    "protection keys and locked memory": [(330, 0, 0), (149, 0, 0), (151, 1), (325, 0, 0, 0), (447, 0)],
    "terminals": [(16, 0, 0x5412, 0), (16, 0, 0x5403, 0), (153,)],
    "landlock": [(444, 0, 0, 1)],
    "sockets": [(41, family, kind, 0) for family in (AF_INET, AF_INET6, AF_VSOCK, AF_ALG, AF_XDP) for kind in (1, 2, 5)]
    + [(41, AF_NETLINK, 3, 0), (41, AF_PACKET, 3, 0), (53, AF_INET, 1, 0, 0)],
}  # fmt: skip
UNKNOWN: dict[str, list[tuple[int, ...]]] = {"clone3, so that the C library falls back": [(435, 0, 0)]}

PROGRAM = """
import ctypes, json, sys
call = ctypes.CDLL(None, use_errno=True).syscall
def tried(number, *arguments):
    ctypes.set_errno(0)
    return ctypes.get_errno() if call(number, *map(ctypes.c_long, arguments)) == -1 else 0
print(json.dumps({{name: [tried(*each) for each in calls] for name, calls in json.loads({calls!r}).items()}}))
"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def answers(box: Box) -> dict[str, list[int]]:
    """What the kernel answered to every call, as numbers of errors."""
    outcome = await ran(box, PROGRAM.format(calls=json.dumps(REFUSED | UNKNOWN)))
    found: dict[str, list[int]] = json.loads(outcome.stdout)
    return found


@pytest.mark.parametrize("group", REFUSED)
async def test_a_denied_group_is_refused(answers: dict[str, list[int]], group: str) -> None:
    assert answers[group] == [EPERM] * len(REFUSED[group])


@pytest.mark.parametrize("group", UNKNOWN)
async def test_what_hides_its_flags_isnt_there(answers: dict[str, list[int]], group: str) -> None:
    assert answers[group] == [ENOSYS] * len(UNKNOWN[group])


async def test_calls_of_another_architecture_end_the_program(box: Box) -> None:
    """`int 0x80` reaches the 32-bit table, of which our list says nothing."""
    source = """
        import ctypes, mmap
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(bytes.fromhex("b814000000cd80c3"))
        address = ctypes.addressof(ctypes.c_char.from_buffer(code))
        print("answered", ctypes.CFUNCTYPE(ctypes.c_int)(address)())
    """
    outcome = await ran(box, source)
    assert outcome.signal is not None
    assert b"answered" not in outcome.stdout


async def test_every_group_of_the_profile_says_what_it_is_for() -> None:
    groups = json.loads((IMAGE_FOLDER / "seccomp.json").read_text())["syscalls"]
    assert all(len(group["comment"]) > 10 for group in groups)
