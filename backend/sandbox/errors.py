"""What can go wrong with the sandbox itself. What a program does wrong is a verdict, not an error."""

from backend.core.errors import Unavailable


class SandboxUnavailable(Unavailable):
    """No engine, no image, or the engine failed in the middle: nothing is known of the program.

    Passing: whoever asked tries again later, and no attempt is charged.
    """

    code = "sandbox_unavailable"
    message = "Code can't be run right now. It waits, and will be run as soon as the sandbox is back."
