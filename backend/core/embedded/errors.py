"""What can keep the embedded services from starting, told to the person at the terminal."""


class CannotStart(Exception):
    """Something on this machine is in the way. The text says what it is and what to do about it.

    Unlike `StoaError` it is shown to whoever runs the `stoa` command, so it may name paths, ports and processes.
    """
