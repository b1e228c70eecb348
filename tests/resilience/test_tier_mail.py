"""A tier reached at a running instance: one mail to who wants it, and a recorded reason for who does not."""

import psycopg

from portal.tiers.qualification import UPGRADE_TOPIC
from tests.resilience.load import LOYALTY
from tests.resilience.running import Running
from tests.sink import Sink, wait_for

MESSAGES = "SELECT user_id, kind, status, reason FROM messages ORDER BY user_id"
SETTLED = "SELECT count(*) = 2 AND bool_and(status = 'done') FROM outbox WHERE topic = %s"


def reach_gold(instance: Running, token: str, user: str, *, marketing: bool) -> None:
    fields = {"email": f"{user}@example.com", "name": user.title(), "marketingMessages": marketing}
    for method, path, body in (
        ("PUT", f"/api/v1/users/{user}", fields),
        ("POST", f"{LOYALTY}/members/{user}/adjustments", {"points": 99, "reason": "Goodwill"}),
        ("POST", f"{LOYALTY}/members/{user}/adjustments", {"points": 1, "reason": "Goodwill"}),
    ):
        answer = instance.ask(method, path, token, json=body)
        assert answer.status_code == 201, answer.text


def test_an_adjustment_that_crosses_a_threshold_sends_one_mail_to_who_wants_it(
    mailing_instance: Running, sink: Sink
) -> None:
    token = mailing_instance.flask("tokens", "create", "--name", "tests", "--scope", "admin")
    tier = {"name": "Gold", "threshold": 100, "benefits": [{"kind": "shipping", "label": "Free shipping"}]}
    answer = mailing_instance.ask("PUT", f"{LOYALTY}/tiers/gold", token, json=tier)
    assert answer.status_code == 201, answer.text
    reach_gold(mailing_instance, token, "ada", marketing=True)
    reach_gold(mailing_instance, token, "ben", marketing=False)

    url = mailing_instance.known()["database_url"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as database:
        wait_for(lambda: database.execute(SETTLED, [UPGRADE_TOPIC]).fetchone()[0], 90)  # type: ignore[index]  # a count has a row
        messages = database.execute(MESSAGES).fetchall()
    assert messages == [
        ("ada", "tier_upgrade", "sent", messages[0][3]),
        ("ben", "tier_upgrade", "suppressed", "marketing_off"),
    ]
    (mail,) = sink.mails
    assert mail["To"] == "ada@example.com"
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert "Free shipping" in text.get_content()
    assert "Free shipping" in page.get_content()
    assert mail["List-Unsubscribe"].startswith(f"<{mailing_instance.url}/unsubscribe/")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
