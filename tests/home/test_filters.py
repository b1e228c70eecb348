"""What operators narrow lists by is chosen by name from a list, not typed as a slug (D37)."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories.accounts import make_user, sign_in
from tests.factories.loyalty import make_reward, make_tier


@pytest.mark.parametrize(
    ("path", "name", "option"),
    [
        ("/admin/members", "tier", ("golden", "Golden card")),
        ("/admin/redemptions", "reward", ("mug", "A large mug")),
        ("/admin/messages/nudges", "campaign", ("referral_share", "")),
        ("/admin/operations/runs", "job", ("nightly_purge", "")),
        ("/admin/audit", "action", ("role.set", "")),
    ],
)
def test_a_thing_of_the_programme_is_chosen_by_its_name(
    client: FlaskClient, session: Session, path: str, name: str, option: tuple[str, str]
) -> None:
    make_tier(session, "golden", 100, name="Golden card")
    make_reward(session, "mug", 10, name="A large mug")
    sign_in(client, make_user(session, role="admin"))
    shown = client.get(path).text
    select = re.search(rf'<select[^>]*name="{name}".*?</select>', shown, re.DOTALL)
    assert select is not None
    options = dict(re.findall(r'<option\s+value="([^"]*)"[^>]*>\s*([^<]*?)\s*</option>', select[0]))
    assert "" in options
    assert set(options) > {""}
    if option[1]:
        assert options[option[0]] == option[1]
