"""What programs execute and open, heard from the kernel (seccomp_unotify(2)): for the record, never for policy.

The kernel holds the call until we answer "go on". A program may change the path meanwhile, so it proves nothing.
"""

import ctypes
import fcntl
import os
import platform
import socket
import struct

FILTER_FLAG_NEW_LISTENER = 1 << 3
NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101
NOTIFICATION = struct.Struct("=QIIiIQ6Q")
ANSWER = struct.Struct("=QqiI")
GO_ON = 1
CALLS = {
    # machine: (audit architecture, seccomp, {call: which argument is the path, is it executed})
    "x86_64": (0xC000003E, 317, {2: (0, False), 257: (1, False), 59: (0, True), 322: (1, True)}),
    "aarch64": (0xC00000B7, 277, {56: (1, False), 221: (0, True), 281: (1, True)}),
}
MOST, LONGEST = 100, 200
"""Paths of each sort that are kept, and characters of each."""
LIBRARIES = ("/usr/lib/", "/usr/local/lib/", "/lib/", "/etc/ld.so.cache")
"""What every interpreter opens by the dozen, and what says nothing."""

_libc = ctypes.CDLL(None, use_errno=True)


class Record:
    """Distinct paths in the order in which they first came."""

    def __init__(self) -> None:
        self.executed: dict[str, None] = {}
        self.opened: dict[str, None] = {}
        self._calls = CALLS[platform.machine()][2]

    def hear(self, listener: int) -> None:
        """Take one notification, let the call go on, and note its path."""
        notification = bytearray(NOTIFICATION.size)
        try:
            fcntl.ioctl(listener, NOTIF_RECV, notification)
            number, pid, _, call, _, _, *arguments = NOTIFICATION.unpack(notification)
            self._note(pid, call, arguments)
            fcntl.ioctl(listener, NOTIF_SEND, ANSWER.pack(number, 0, 0, GO_ON))
        except OSError:
            return  # whoever called is gone

    def _note(self, pid: int, call: int, arguments: list[int]) -> None:
        argument, is_executed = self._calls[call]
        seen = self.executed if is_executed else self.opened
        if len(seen) < MOST and not (path := _text_at(pid, arguments[argument])).startswith(LIBRARIES):
            seen[path] = None


def listen(channel: socket.socket) -> None:
    """In the child, before it becomes the program: from now on its calls are told; hand the listener over."""
    _, number, calls = CALLS[platform.machine()]
    code = _filter(calls)
    lines = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(lines))
    listener = _libc.syscall(number, 1, FILTER_FLAG_NEW_LISTENER, program)
    if listener >= 0:
        channel.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", listener))])
        os.close(listener)


def receive_listener(channel: socket.socket) -> int | None:
    """The listener that the child handed over; None where the kernel has no such thing."""
    _, gifts, _, _ = channel.recvmsg(1, socket.CMSG_LEN(4))
    return struct.unpack("i", gifts[0][2])[0] if gifts else None


def _filter(calls: dict[int, tuple[int, bool]]) -> bytes:
    """A classic BPF program: calls of ours are told, all others pass to the container's own filter."""
    load, equal, answer = 0x20, 0x15, 0x06
    told, allowed = 0x7FC00000, 0x7FFF0000
    rest = len(calls)
    lines = [(load, 0, 0, 4), (equal, 0, rest + 1, CALLS[platform.machine()][0]), (load, 0, 0, 0)]
    lines += [(equal, rest - place, 0, call) for place, call in enumerate(calls)]
    lines += [(answer, 0, 0, allowed), (answer, 0, 0, told)]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def _text_at(pid: int, address: int) -> str:
    try:
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        try:
            text = os.pread(memory, LONGEST, address)
        finally:
            os.close(memory)
    except (OSError, OverflowError):
        return "?"
    return text.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
