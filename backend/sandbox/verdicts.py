"""What a run decides by itself."""

from backend.sandbox.schemas import Outcome, Verdict


def verdict_of(outcome: Outcome) -> Verdict | None:
    """The verdict that follows from how a command ended; None when it ended well and its answer decides.

    A limit that was reached decides even where the program went on: its answer isn't one it could give within them.
    Lack of memory or processes comes first, as it makes programs slow or noisy.
    """
    if outcome.out_of_memory:
        return Verdict.MEMORY_LIMIT
    if outcome.processes_refused:
        return Verdict.PROCESS_LIMIT
    if outcome.timed_out:
        return Verdict.TIME_LIMIT
    if outcome.truncated:
        return Verdict.OUTPUT_LIMIT
    if outcome.exit_code != 0:
        return Verdict.RUNTIME_ERROR
    return None
