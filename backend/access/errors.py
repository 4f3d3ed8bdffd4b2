"""What goes wrong at the door."""

from backend.core.errors import Forbidden, NotSignedIn


class WrongPassword(NotSignedIn):
    """Unknown e-mail address or wrong password: the same words for both, so that nobody learns who is here."""

    code = "wrong_password"
    message = "That e-mail address and password don't match."


class PersonDisabled(Forbidden):
    """The password was right, but the account is disabled."""

    code = "person_disabled"
    message = "This account is disabled. Please ask your administrator."
