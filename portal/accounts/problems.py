"""What can go wrong with users and their sign-ins: expected failures, each with its stable code."""

from portal.platform.problems import Conflict, DomainError, NotFound


class Unauthenticated(DomainError):
    """No usable credentials."""

    code = "unauthenticated"
    status = 401
    title = "Sign in or send a token"

    def __init__(self, detail: str = "", challenge: str = "Bearer") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


class InvalidToken(Unauthenticated):
    """The token is unknown, revoked or expired."""

    def __init__(self) -> None:
        super().__init__("The token is unknown, revoked or expired.", 'Bearer error="invalid_token"')


class UserNotFound(NotFound):
    """No such user, or none that the caller may see."""

    code = "user_not_found"
    title = "No such user"


class UserRequired(DomainError):
    """A service must name the user it acts for."""

    code = "user_required"
    status = 400
    title = "The X-User-Id header is missing"


class EmailTaken(Conflict):
    """Another user has this email address."""

    code = "email_taken"
    title = "Another user has this email address"


class UserIdTaken(Conflict):
    """Another user has this id."""

    code = "user_id_taken"
    title = "Another user has this id"
