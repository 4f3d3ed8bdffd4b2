"""What the administrators' forms send: checked here, for the types of an event's arguments are only a wish."""

from collections.abc import Collection

from backend.core.errors import Conflict, FieldErrors, Forbidden, Invalid, NotSignedIn, StoaError

LONGEST_TEXT = 8_000
"""Characters of one value: more than any field takes, few enough to look through."""


def texts_of(values: object, names: Collection[str]) -> dict[str, str]:
    """The values of the fields `names` that were sent. Raises `Invalid` for anything but texts of a bearable length."""
    if not isinstance(values, dict):
        raise Invalid("A form sends its fields by name.")
    found = {name: values[name] for name in names if name in values}
    if not all(isinstance(value, str) and len(value) <= LONGEST_TEXT for value in found.values()):
        raise Invalid(f"A field holds a text of at most {LONGEST_TEXT} characters.")
    return found


def errors_of(error: StoaError) -> dict[str, str]:
    """What a form shows of an error: at its fields, or above Save. Raises again what is no matter of the form."""
    if isinstance(error, NotSignedIn | Forbidden):
        raise error
    if isinstance(error, FieldErrors):
        return dict(error.fields)
    return {"conflict" if isinstance(error, Conflict) else "form": error.message}
