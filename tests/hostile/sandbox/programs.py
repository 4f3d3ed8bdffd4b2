"""Programs that mean harm, each with the verdict it must get, and what it may print at most.

`tried(call, …)` prints the name of the error that an attempt ends in. A program that "gets away" with an attempt
prints `done`, which no expectation names.
"""

from dataclasses import dataclass

from backend.sandbox import Verdict

PRELUDE = """
import contextlib, ctypes, errno, os, signal, socket, subprocess, sys, threading, time
def tried(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except OSError as error:
        print(errno.errorcode.get(error.errno, type(error).__name__))
    else:
        print("done")
libc = ctypes.CDLL(None, use_errno=True)
def syscall(number, *arguments):
    ctypes.set_errno(0)
    if libc.syscall(number, *map(ctypes.c_long, arguments)) == -1:
        raise OSError(ctypes.get_errno(), "")
"""


@dataclass(frozen=True)
class Program:
    """`said` is the whole of its standard output where that matters; `refused` says why files weren't taken."""

    name: str
    source: str
    verdict: Verdict | None = None
    """None: it ends well, and an answer would be looked at, as any program's."""
    said: str | None = None
    collect: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    """Further verdicts that are as right: which limit comes first is a matter of luck."""


NETWORK = [
    Program("ipv4", "tried(socket.socket, socket.AF_INET)", said="EPERM"),
    Program("ipv4 datagram", "tried(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)", said="EPERM"),
    Program("ipv6", "tried(socket.socket, socket.AF_INET6)", said="EPERM"),
    Program("vsock", "tried(socket.socket, socket.AF_VSOCK)", said="EPERM"),
    Program("netlink", "tried(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW)", said="EPERM"),
    Program("packet", "tried(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)", said="EPERM"),
    Program("kernel cryptography", "tried(socket.socket, socket.AF_ALG, socket.SOCK_SEQPACKET)", said="EPERM"),
    Program("names", "tried(socket.getaddrinfo, 'example.org', 80)", said="gaierror"),
    Program(
        "abstract socket of the host",
        "for name in ('/containerd-shim', 'stoa', '/tmp/dbus'):\n"
        "    with socket.socket(socket.AF_UNIX) as s: tried(s.connect, '\\0' + name)",
        said="ECONNREFUSED\nECONNREFUSED\nECONNREFUSED",
    ),
    Program(
        "the engine's socket",
        "for path in ('/var/run/docker.sock', '/run/docker.sock'):\n"
        "    with socket.socket(socket.AF_UNIX) as s: tried(s.connect, path)",
        said="ENOENT\nENOENT",
    ),
    Program("interfaces", "print(os.listdir('/sys/class/net'))", said="['lo']"),
    Program("web page", "import urllib.request\nurllib.request.urlopen('http://169.254.169.254/')", Verdict.RUNTIME_ERROR),
]  # fmt: skip

READING = [
    Program("shadow", "tried(open, '/etc/shadow')", said="ENOENT"),
    Program("host's home", "tried(os.listdir, '/root')", said="ENOENT"),
    Program("host's processes", "print(sum(name.isdigit() for name in os.listdir('/proc')))", said="2"),
    Program("runner's memory", "tried(open, '/proc/1/mem', 'rb')", said="EACCES"),
    Program("runner's environment", "tried(open, '/proc/1/environ')", said="EACCES"),
    Program("runner's root", "tried(os.listdir, '/proc/1/root')", said="EACCES"),
    Program("runner's descriptors", "tried(os.listdir, '/proc/1/fd')", said="EACCES"),
    Program("kernel's memory", "for path in ('/proc/kcore', '/proc/kmsg', '/dev/mem', '/dev/kmsg'):\n    try: open(path, 'rb').read(1); print('done' if os.stat(path).st_rdev != os.stat(os.devnull).st_rdev else 'null')\n    except OSError: print('null')", said="null\nnull\nnull\nnull"),
    Program("keys", "syscall_number = 250\ntried(syscall, 250, 0, -3, 0, 0, 0)", said="EPERM"),
    Program("disks", "print([name for name in os.listdir('/dev') if name.startswith(('sd', 'vd', 'nvme', 'loop', 'dm'))])", said="[]"),
    Program("climbing out of the box", "os.symlink('/', 'root'); print(os.path.exists('root/var/lib/docker'), os.path.exists('root/../../etc/shadow'))", said="False False"),
    Program("what the last program left", "print(sorted(os.listdir('/box')), os.listdir('/tmp'))", said="['main.py'] []"),
]  # fmt: skip

FORGING = [
    Program("writing to the runner's streams", "for fd in (0, 1, 2, 3, 4): tried(open, f'/proc/1/fd/{fd}', 'wb')", said="\n".join(["EACCES"] * 5)),
    Program("a frame on standard output", "body = b'{\"id\": 1, \"exit\": 0}'; sys.stdout.buffer.write(len(body).to_bytes(4, 'big') + body); sys.exit(5)", Verdict.RUNTIME_ERROR),
    Program("the engine's header and a frame", "body = b'{\"ready\": true}'; sys.stdout.buffer.write(bytes([1, 0, 0, 0, 0, 0, 0, len(body) + 4]) + len(body).to_bytes(4, 'big') + body); sys.exit(5)", Verdict.RUNTIME_ERROR),
    Program("half a frame", "sys.stdout.buffer.write(b'\\x7f\\xff\\xff'); sys.stdout.flush(); os.kill(os.getpid(), 9)", Verdict.RUNTIME_ERROR),
    Program("descriptors beyond the three", "print([fd for fd in range(3, 256) if os.path.exists(f'/proc/self/fd/{fd}')])", said="[]"),
    Program("stealing the runner's descriptors", "tried(syscall, 438, os.pidfd_open(1), 1, 0)", said="EPERM"),
    Program("tracing the runner", "tried(syscall, 101, 16, 1, 0, 0)", said="EPERM"),
    Program("writing the runner's memory", "tried(syscall, 311, 1, 0, 0, 0, 0, 0)", said="EPERM"),
    Program("changing the runner", "for path in ('/stoa/runner/__main__.py', '/usr/bin/python3', '/stoa/x'): tried(open, path, 'wb')", said="EROFS\nEROFS\nEROFS"),
    Program("killing the runner", "for sign in range(1, 65):\n    with contextlib.suppress(OSError): os.kill(1, sign)\nprint('alive')", said="alive"),
    Program("killing everybody", "signal.signal(signal.SIGTERM, signal.SIG_IGN); tried(os.kill, -1, signal.SIGTERM)", said="ESRCH"),
    Program("stopping everybody", "os.fork(); os.kill(-1, signal.SIGSTOP); time.sleep(60)", Verdict.TIME_LIMIT),
    Program("exit status after the fact", "import atexit; atexit.register(lambda: os._exit(0)); sys.exit(1)"),
    Program("exit status 256", "os._exit(256 + 7)", Verdict.RUNTIME_ERROR),
    Program("a killed parent and a child that lives", "os.fork() and os.kill(os.getpid(), 9); time.sleep(60)", Verdict.RUNTIME_ERROR),
    Program("slowing the runner down", "tried(os.setpriority, os.PRIO_PROCESS, 1, 19); tried(os.sched_setaffinity, 1, {0}); tried(syscall, 302, 1, 7, 0, 0)", said="EPERM\nEPERM\nEPERM"),
    Program("a listener of its own", "tried(syscall, 317, 1, 8, 0)", said="EFAULT"),
    Program("a module in the runner's way", "for name in ('json.py', 'base64.py', 'sitecustomize.py'): open(name, 'w').write('import os; os._exit(0)')\nsubprocess.run([sys.executable, '-c', 'print(1)'])\nsys.exit(9)", Verdict.RUNTIME_ERROR),
]  # fmt: skip

ESCAPING = [
    Program("mount", "tried(syscall, 165, 0, 0, 0, 0, 0)", said="EPERM"),
    Program("new namespaces", "tried(syscall, 272, 0x10000000 | 0x20000)", said="EPERM"),
    Program("another's namespace", "tried(syscall, 308, os.open('/proc/self/ns/mnt', os.O_RDONLY), 0)", said="EPERM"),
    Program("clone into a user namespace", "tried(syscall, 56, 0x10000000 | 17, 0, 0, 0, 0)", said="EPERM"),
    Program("becoming root", "tried(os.setuid, 0); tried(os.setgroups, [0])", said="EPERM\nEPERM"),
    Program("another root", "tried(os.chroot, '/tmp')", said="EPERM"),
    Program("core pattern", "tried(open, '/proc/sys/kernel/core_pattern', 'w')", said="EROFS"),
    Program("kernel's settings", "tried(open, '/proc/sys/vm/overcommit_memory', 'w')", said="EROFS"),
    Program("control groups", "tried(open, '/sys/fs/cgroup/memory/memory.limit_in_bytes', 'w'); tried(os.mkdir, '/sys/fs/cgroup/memory/x')", said="EROFS\nEROFS"),
    Program("release agent", "tried(open, '/sys/fs/cgroup/memory/release_agent', 'w')", said=None),
    Program("a device", "tried(os.mknod, 'disk', 0o60600, os.makedev(254, 0)); tried(os.mknod, 'mem', 0o20600, os.makedev(1, 1))", said="EPERM\nEPERM"),
    Program("a setuid program", "import shutil; shutil.copy('/usr/bin/dash', 'sh'); os.chmod('sh', 0o4755); tried(subprocess.run, ['./sh', '-c', 'id'])", said="EACCES"),
    Program("a program of its own", "open('p', 'w').write('#!/bin/sh\\necho done'); os.chmod('p', 0o755); tried(subprocess.run, ['./p'])", said="EACCES"),
    Program("io_uring", "tried(syscall, 425, 8, 0)", said="EPERM"),
    Program("bpf", "tried(syscall, 321, 0, 0, 0)", said="EPERM"),
    Program("userfaultfd", "tried(syscall, 323, 0)", said="EPERM"),
    Program("a handle of a file", "tried(syscall, 304, -100, 0, 0)", said="EPERM"),
    Program("capabilities", "print([line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapPrm', 'CapBnd'))])", said="['0000000000000000', '0000000000000000', '0000000000000000']"),
]  # fmt: skip

EXHAUSTING = [
    Program("fork bomb", "while True:\n    with contextlib.suppress(OSError): os.fork()", Verdict.PROCESS_LIMIT),
    Program("thread bomb", "while True:\n    with contextlib.suppress(RuntimeError): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", Verdict.PROCESS_LIMIT),
    Program("zombies", "for _ in range(10_000):\n    if not os.fork(): os._exit(0)", Verdict.PROCESS_LIMIT),
    Program("memory", "x = []\nwhile True: x.append(bytearray(2**20))", Verdict.MEMORY_LIMIT),
    Program("memory of children", "for _ in range(8):\n    if not os.fork(): x = bytearray(40 * 2**20); time.sleep(60)\nos.wait()", Verdict.MEMORY_LIMIT),
    Program("shared memory", "import mmap; m = mmap.mmap(-1, 2**29)\nfor place in range(0, 2**29, 4096): m[place] = 1", Verdict.MEMORY_LIMIT),
    Program("more than a machine's memory", "bytearray(2**45)", Verdict.RUNTIME_ERROR),
    Program("the box full", "tried(lambda: [open(f'f{n}', 'wb').write(bytes(2**20)) for n in range(100)])", said="ENOSPC"),
    Program("the temporary folder full", "tried(lambda: [open(f'/tmp/f{n}', 'wb').write(bytes(2**20)) for n in range(100)])", said="ENOSPC"),
    Program("both folders and memory", "x = bytearray(70 * 2**20)\nfor top in ('/box', '/tmp'):\n    with contextlib.suppress(OSError):\n        for n in range(100): open(f'{top}/f{n}', 'wb').write(bytes(2**20))\nx += bytearray(90 * 2**20)", Verdict.MEMORY_LIMIT),
    Program("100,000 files", "tried(lambda: [open(f'f{n}', 'w').close() for n in range(100_000)])", said="ENOSPC"),
    Program("deep folders", "def deeper():\n    while True: os.mkdir('d'); os.chdir('d')\ntried(deeper)", said="ENOSPC"),
    Program("deep folders that nobody may read", "def deeper():\n    while True: os.mkdir('d'); os.chdir('d'); open('f', 'w').close()\ntried(deeper); os.chmod('.', 0); os.chdir('/'); os.chmod('/box/d', 0)", said="ENOSPC"),
    Program("a large sparse file", "tried(lambda: os.truncate(os.open('s', os.O_CREAT | os.O_WRONLY), 2**40))", said=None, verdicts=(Verdict.RUNTIME_ERROR,)),
    Program("descriptors", "tried(lambda: [os.open('/dev/null', 0) for _ in range(1000)])", said="EMFILE"),
    Program("output", "while True: os.write(1, b'x' * 65536)", Verdict.OUTPUT_LIMIT),
    Program("errors", "while True: os.write(2, b'x' * 65536)", Verdict.OUTPUT_LIMIT),
    Program("output of many", "for _ in range(8): os.fork()\nwhile True: os.write(1, b'x' * 4096)", Verdict.OUTPUT_LIMIT, verdicts=(Verdict.PROCESS_LIMIT,)),
    Program("processor", "while True: pass", Verdict.TIME_LIMIT),
    Program("processor, many", "for _ in range(3): os.fork()\nwhile True: pass", Verdict.TIME_LIMIT),
    Program("processor in short-lived children", "while True:\n    if not os.fork(): sum(range(300_000)); os._exit(0)\n    os.wait()", Verdict.TIME_LIMIT),
    Program("sleep", "time.sleep(3600)", Verdict.TIME_LIMIT),
    Program("sleep in a session of its own", "os.fork() or (os.setsid(), time.sleep(3600))\nprint('gone')", said="gone"),
    Program("deaf to signals", "for sign in set(range(1, 65)) - {9, 19, 32, 33}: signal.signal(sign, signal.SIG_IGN)\nwhile True: time.sleep(1)", Verdict.TIME_LIMIT),
    Program("never reading nor ending", "os.dup2(os.open('/dev/null', 0), 0); os.close(1); os.close(2); time.sleep(3600)", Verdict.TIME_LIMIT),
    Program("higher limits", "import resource\nfor each in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):\n    try: resource.setrlimit(each, (-1, -1)); print('done')\n    except (ValueError, OSError): print('refused')", said="refused\nrefused\nrefused"),
    Program("opening without end", "while True:\n    open('/dev/null').close()", Verdict.TIME_LIMIT),
    Program("recursion", "import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()", Verdict.RUNTIME_ERROR, verdicts=(Verdict.MEMORY_LIMIT,)),
]  # fmt: skip

CONFUSING = [
    Program("link to a file outside", "os.symlink('/etc/passwd', 'out')", collect=("out",), refused=("not a regular file",)),
    Program("link to a folder outside", "os.symlink('/etc', 'd')", collect=("d/passwd",), refused=("not a regular file",)),
    Program("link to the runner", "os.symlink('/proc/1/fd/0', 'out')", collect=("out",), refused=("not a regular file",)),
    Program("pipe", "os.mkfifo('out')", collect=("out",), refused=("not a regular file",)),
    Program("socket", "socket.socket(socket.AF_UNIX).bind('out')", collect=("out",), refused=("not a regular file",)),
    Program("folder", "os.mkdir('out')", collect=("out",), refused=("not a regular file",)),
    Program("hard link to a file outside", "tried(os.link, '/etc/passwd', 'out')", said="EXDEV", collect=("out",), refused=("missing",)),
    Program("a sparse file", "os.truncate(os.open('out', os.O_CREAT | os.O_WRONLY), 15 * 2**20)", collect=("out",), refused=("too large",)),
    Program("a file nobody may read", "open('out', 'w').write('x'); os.chmod('out', 0)", collect=("out",), refused=("not a regular file",)),
    Program("a file behind a closed folder", "os.mkdir('d'); open('d/out', 'w').close(); os.chmod('d', 0)", collect=("d/out",), refused=("not a regular file",)),
    Program("names that aren't text", "for name in (b'\\xff\\xfe', b'\\x1b[2J', b'a\\nb', b' ', b'-rf', b'moved 1'): os.mkdir(name); open(name + b'/x', 'w').close()", said=""),
    Program("names of 255 bytes", "for n in range(200): os.mkdir(f'{n:03}' + 'x' * 252); open(f'{n:03}' + 'x' * 252 + '/' + 'y' * 255, 'w').close()", said=""),
    Program("output that isn't text", "os.write(1, bytes(range(256)))"),
    Program("a huge JSON", "print('{\"a\":' * 10_000)"),
    Program("arguments that aren't text", "subprocess.run([sys.executable, '-c', 'pass', b'\\xff' * 10_000])", said=""),
    Program("paths at no address", "tried(syscall, 257, -100, 1, 0, 0); tried(syscall, 257, -100, -1, 0, 0)", said="EFAULT\nEFAULT"),
    Program("a wrong name for itself", "libc.prctl(15, b') R 0 (', 0, 0, 0); print('x')", said="x"),
    Program("not dumpable", "libc.prctl(4, 0, 0, 0, 0); tried(open, '/proc/self/mem', 'rb')", said="EACCES"),
    Program("leaving the box", "os.chdir('/tmp'); tried(os.rmdir, '/box'); tried(os.rename, '/box', '/tmp/box')", said=None),
    Program("words in the times of the box", "for path in ('/box', '/tmp'): os.utime(path, (2**33, 2**33)); tried(os.setxattr, path, 'user.word', b'x')", said="EPERM\nEPERM"),
    Program("a box nobody may enter", "os.chmod('/box', 0); os.chmod('/tmp', 0)", said=""),
]  # fmt: skip

PROGRAMS = [*NETWORK, *READING, *FORGING, *ESCAPING, *EXHAUSTING, *CONFUSING]
