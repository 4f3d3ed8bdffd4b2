"""A new `SECRET_KEY` for a data directory that made its own, so that a crash at any moment loses nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.core.embedded.data_dir import DataDir, Holder
from backend.core.embedded.errors import CannotStart
from backend.core.embedded.services import adopt, replaced_by_nothing, start_services
from backend.core.settings import get_settings

COMMAND = "stoa rotate-key"


@contextmanager
def new_secret_key(prepare: Callable[[], object]) -> Iterator[None]:
    """Inside, the settings hold the new key, and the former one that still reads what it sealed.

    A generated key is replaced here, and the former one forgotten when the block ends well; one from the environment
    the operator has replaced already. `prepare` is called once an embedded Postgres runs. Raises `CannotStart` while
    anything else uses the data directory: a running web process would go on with the key it knows.
    """
    needs = replaced_by_nothing(["postgres"])
    if not needs:
        yield
        return
    data_dir = DataDir(get_settings().data_dir)
    is_generated = get_settings().secret_key is None
    with data_dir.lock(Holder.me(COMMAND)) as mine:
        if not mine:
            raise CannotStart(_in_use(data_dir))
        if is_generated:
            data_dir.begin_new_secret_key()
        with start_services(data_dir, needs) as started:
            adopt(started.environment, needs)
            prepare()
            yield
        if is_generated:
            data_dir.forget_former_secret_key()


def _in_use(data_dir: DataDir) -> str:
    holder = data_dir.holder()
    who = f"{holder.command} (process {holder.pid})" if holder else "another stoa command"
    stop = f" with Ctrl-C or `kill {holder.pid}`" if holder else ""
    return (
        f"{who} is using the data directory {data_dir.path}, and would go on with the old key. "
        f"Stop it{stop}, run `{COMMAND}`, and start Stoa again."
    )
