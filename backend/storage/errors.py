"""What can go wrong with objects."""

from backend.core.errors import Conflict, Invalid, NotFound, Unavailable


class StorageUnavailable(Unavailable):
    """The storage doesn't answer, or refuses our credentials or bucket."""

    code = "storage_unavailable"
    message = "Stoa can't reach its file storage right now. Please try again in a moment."


class NotThere(NotFound):
    """No object has this key."""

    code = "file_not_found"
    message = "This file doesn't exist any more."


class AlreadyThere(Conflict):
    """An object has this key already, and the caller asked not to replace it."""

    code = "file_exists"
    message = "This file exists already."


class Refused(Invalid):
    """The key, type or size breaks a rule that the message names."""

    code = "file_refused"
