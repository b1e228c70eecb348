"""Forms to sign in, to register and for a forgotten password, with messages for people."""

from wtforms import BooleanField, EmailField, Field, HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError

from portal.accounts.contact import clean_email
from portal.accounts.passwords import password_problem
from portal.platform.web.forms import PortalForm, visible

WANTS_MESSAGES = "Send me reminders, offers and news"
NOT_AN_EMAIL = "Enter an email address, like name@example.com."


def _email(_form: object, field: Field) -> None:
    try:
        clean_email(field.data or "")
    except ValueError as error:
        raise ValidationError(NOT_AN_EMAIL) from error


def _no_nul(_form: object, field: Field) -> None:
    if "\x00" in (field.data or ""):
        raise ValidationError("Remove the characters that cannot be shown.")


class LoginForm(PortalForm):
    """Email and password, and the page to go on to."""

    email = EmailField("Email address", [InputRequired("Enter your email address."), Length(max=254), _no_nul])
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=1000)])
    next = HiddenField()


class RegisterForm(PortalForm):
    """What a new member tells about themselves; consent is off until they tick it."""

    name = StringField("Your name", [DataRequired("Enter your name."), Length(max=120), _no_nul], filters=[visible])
    email = EmailField("Email address", [InputRequired("Enter your email address."), Length(max=254), _email])
    password = PasswordField("Password", [InputRequired("Choose a password.")])
    marketing_messages = BooleanField(WANTS_MESSAGES)
    next = HiddenField()

    def validate_password(self, field: Field) -> None:
        """Refuse what `password_problem` refuses, at the field."""
        problem = password_problem(field.data, self.email.data or "")
        if problem:
            raise ValidationError(problem)


class ForgotPasswordForm(PortalForm):
    """Where the reset link goes."""

    email = EmailField("Email address", [InputRequired("Enter your email address."), Length(max=254), _email])


class ConfirmForm(PortalForm):
    """For a browser in which nobody registered or is signed in: the password from now on, and consent."""

    password = PasswordField("Password", [Length(max=1000)])
    marketing_messages = BooleanField(WANTS_MESSAGES)


class ResetPasswordForm(PortalForm):
    """The new password."""

    password = PasswordField("New password", [InputRequired("Choose a password.")])
