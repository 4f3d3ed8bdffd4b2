"""Run a piece of Python as an ordinary user, from root.

Root's Python may live where others can't run it, so the child imports everything first and then becomes the user.
"""

import os
import pwd
import subprocess
import sys
from pathlib import Path

from backend.core.settings import PROJECT_ROOT

_BECOME = """
import os, sys
from backend.core.embedded import data_dir, services
from backend.core.embedded.processes import *
from backend.core.embedded.s3 import server
from backend.core.embedded.s3.configuration import Configuration
from psycopg import *
import redis.backoff, redis.retry, encodings.idna, sqlalchemy.dialects.postgresql.psycopg
os.setgroups([]); os.setresgid({gid}, {gid}, {gid}); os.setresuid({uid}, {uid}, {uid})
"""


def nobody() -> pwd.struct_passwd:
    """The ordinary user of the tests."""
    return pwd.getpwnam("nobody")


def run_as_nobody(code: str, data_dir: Path) -> str:
    """What `code` prints when `nobody` runs it with `STOA_DATA_DIR` set."""
    user = nobody()
    done = subprocess.run(
        [sys.executable, "-c", _BECOME.format(uid=user.pw_uid, gid=user.pw_gid) + code],
        env={"PATH": os.environ["PATH"], "STOA_DATA_DIR": str(data_dir), "PYTHONPATH": str(PROJECT_ROOT)},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout
