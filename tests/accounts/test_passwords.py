"""New passwords: which are refused, wherever one is chosen (CONTRACT-SHOP 9.1)."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.passwords import DEMO_PASSWORD, _commonest, make_reset_token, password_problem
from portal.platform.web.application import Portal
from tests.accounts.test_reset_password import reset
from tests.factories.accounts import csrf, make_user

EMAIL = "christopher.green@example.com"
SHORT, EASY, SAME = "at least 10 characters", "Many people use", "more than one character"
OURS, THEIRS = "our name", "your email address"
BAD = {
    "short": ("ninechars", SHORT),
    "ten spaces": (" " * 10, SHORT),
    "spaces around": ("   short   ", SHORT),
    "nothing to be seen": ("\u200b" * 12, SHORT),
    "half of it hidden": ("a\u200bb\u200bc\u200bd\u200be", SHORT),
    "digits in a row": ("1234567890", EASY),
    "keys in a row": ("qwertyuiop", EASY),
    "its case": ("PassWord123", EASY),
    "wide digits": ("１２３４５６７８９０", EASY),
    "parted": ("123 456 7890", EASY),
    "the demo's": (DEMO_PASSWORD, EASY),
    "one letter": ("a" * 10, SAME),
    "one letter in two cases": ("aAaAaAaAaA", SAME),
    "one sign": ("€" * 30, SAME),
    "the address": (EMAIL, THEIRS),
    "the address, loud": (EMAIL.upper(), THEIRS),
    "what stands before its @": ("Christopher.Green", THEIRS),
    "our name": ("Acme Rewards", OURS),
    "our name as a word": ("acmerewards", OURS),
    "too long": ("x1" * 101, "at most 200"),
}
GOOD = ("correct horse battery", "another long password", "ten chars!", "пароль длинный", "aaaaaaaaab")


@pytest.mark.parametrize("trick", sorted(BAD))
def test_a_password_that_others_guess_is_refused_with_the_reason(app: Portal, trick: str) -> None:
    password, said = BAD[trick]
    with app.app_context():
        assert said in (password_problem(password, EMAIL) or "")


@pytest.mark.parametrize("password", GOOD)
def test_others_are_taken(app: Portal, password: str) -> None:
    with app.app_context():
        assert password_problem(password, EMAIL) is None


def test_the_commonest_are_known_and_only_those_that_could_be_chosen_are_kept() -> None:
    assert {"1q2w3e4r5t", "manchester", "qazwsxedcrfv"} <= _commonest()
    assert 500 < len(_commonest()) < 5_000
    assert min(map(len, _commonest())) == 10


@pytest.mark.parametrize(
    "trick", ["ten spaces", "digits in a row", "one letter", "what stands before its @", "our name"]
)
def test_every_door_refuses_it(client: FlaskClient, session: Session, trick: str) -> None:
    password, said = BAD[trick]
    fields = {"name": "Chris", "email": EMAIL, "password": password, "csrf_token": csrf(client)}
    registered = client.post("/register", data=fields)
    user = make_user(session, email=EMAIL)
    answer = reset(client, make_reset_token(user), password)
    command = f"users create --email {EMAIL.replace('christopher', 'other')} --password-stdin".split()
    made = client.application.test_cli_runner().invoke(args=command, input=password.replace("Christopher", "other"))
    assert (registered.status_code, answer.status_code, made.exit_code) == (422, 422, 1)
    assert said in registered.text
    assert said in answer.text
    assert said in made.stderr
