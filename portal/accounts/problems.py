"""What can go wrong with users: expected failures, each with its stable code."""

from portal.platform.problems import Conflict, DomainError, NotFound


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
