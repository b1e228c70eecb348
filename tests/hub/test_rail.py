"""The "For you" rail: what it shows, what its buttons do, how it is polled."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.models import User
from portal.checkout.intents import Action
from portal.checkout.models import CheckoutIntent
from portal.members.models import Member
from portal.nudges.feed import refresh_and_list_nudges
from portal.platform import clock, ids
from tests.factories.accounts import csrf, sign_in
from tests.factories.checkout import make_intent
from tests.factories.loyalty import earn, make_member, make_reward
from tests.statements import counted

RAIL = "/account/loyalty/for-you"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def member(client: FlaskClient, session: Session) -> Member:
    """A signed-in member with points, and a reward to get."""
    make_reward(session, "mug", 100)
    made = make_member(session, points=250)
    sign_in(client, session.get_one(User, made.user_id))
    return made


def shown(client: FlaskClient, path: str = RAIL) -> str:
    answer = client.get(path, headers=HTMX if path == RAIL else {})
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def dismiss(client: FlaskClient, intent: CheckoutIntent, **form: str) -> tuple[int, str]:
    answer = client.post(
        f"/account/loyalty/next-actions/{ids.encode(intent.id)}/dismiss", data={"csrf_token": csrf(client), **form}
    )
    return answer.status_code, answer.headers.get("Location", "")


def hooks(page: str, name: str) -> int:
    """How often a page has a hook for browser tests."""
    return page.count(f'data-testid="{name}"')


def nudge_of(page: str) -> str:
    """The id of the first nudge on a page."""
    found = re.search(r"/account/loyalty/nudges/(\w{26})/", page)
    assert found is not None
    return found[1]


def answer(client: FlaskClient, nudge_id: str, verb: str, **form: str) -> tuple[int, str]:
    sent = client.post(f"/account/loyalty/nudges/{nudge_id}/{verb}", data={"csrf_token": csrf(client), **form})
    return sent.status_code, sent.headers.get("Location", "")


@pytest.mark.parametrize("path", [RAIL, "/account/loyalty", "/account/referrals", "/checkout/success?order=A-1"])
def test_next_actions_are_shown_with_why(client: FlaskClient, session: Session, member: Member, path: str) -> None:
    intent = make_intent(session, member, reward="mug")
    page = shown(client, path)
    assert 'data-testid="next-action"' in page
    assert f'href="/account/loyalty/rewards/mug/redeem?intent={ids.encode(intent.id)}"' in page
    assert "You left this at the checkout of order A-1" in page


def test_a_rail_with_nothing_to_show_is_hidden(client: FlaskClient, member: Member) -> None:
    page = shown(client)
    assert re.search(r'id="for-you"[^>]*\shidden', page)
    assert "next-action" not in page


def test_an_unchanged_rail_is_not_sent_again(client: FlaskClient, session: Session, member: Member) -> None:
    make_intent(session, member, reward="mug")
    first = client.get(RAIL, headers=HTMX)
    known = {**HTMX, "If-None-Match": first.headers["ETag"]}
    assert client.get(RAIL, headers=known).status_code == 304
    make_intent(session, member)
    assert client.get(RAIL, headers=known).status_code == 200


def test_pages_ask_as_often_as_the_api_says(client: FlaskClient, member: Member) -> None:
    says = client.get("/api/v1/loyalty/nudges").get_json()["pollAfterSeconds"]
    assert f'data-poll="{says}"' in shown(client)


def test_the_most_urgent_come_first_and_the_rest_is_folded(
    client: FlaskClient, session: Session, member: Member
) -> None:
    for _ in range(3):
        make_intent(session, member)
    make_intent(session, member, reward="mug")
    page = shown(client)
    assert page.index("Mug is waiting for you") < page.index("Share what you love")
    assert "<summary>1 more</summary>" in page


def test_dismissing_puts_the_card_away_and_leads_back(client: FlaskClient, session: Session, member: Member) -> None:
    intent = make_intent(session, member, reward="mug")
    assert dismiss(client, intent, next="/account/referrals") == (303, "/account/referrals")
    assert session.get_one(CheckoutIntent, (member.id, intent.id)).status == "resolved"
    assert "next-action" not in shown(client, "/account/referrals")
    assert dismiss(client, intent, next="https://elsewhere.example/") == (303, "/account/loyalty")


def test_dismissing_by_htmx_answers_with_the_rail_and_the_news(
    client: FlaskClient, session: Session, member: Member
) -> None:
    intent = make_intent(session, member)
    answer = client.post(
        f"/account/loyalty/next-actions/{ids.encode(intent.id)}/dismiss",
        headers={**HTMX, "X-CSRFToken": csrf(client)},
    )
    page = answer.get_data(as_text=True)
    assert (answer.status_code, page.lstrip().startswith("<section")) == (200, True)
    assert "Nothing is waiting for you" in page
    assert 'hx-swap-oob="innerHTML">Put away' in page


def test_what_is_no_ones_or_anothers_stays_as_it_is(client: FlaskClient, session: Session, member: Member) -> None:
    foreign = make_intent(session, make_member(session))
    assert dismiss(client, foreign)[0] == 303
    assert session.get_one(CheckoutIntent, (foreign.member_id, foreign.id)).status == "pending"
    path = "/account/loyalty/next-actions/nonsense/dismiss"
    assert client.post(path, data={"csrf_token": csrf(client)}).status_code == 404
    assert client.post(path).status_code == 400
    assert client.get(path).status_code == 405


def test_an_intent_and_the_nudge_about_it_are_one_card(client: FlaskClient, session: Session, member: Member) -> None:
    make_intent(session, member, reward="mug")
    page = shown(client)
    assert page.count("Mug is waiting for you</h3>") == 1
    for name in ("next-action", "nudge-card", "nudge-dismiss", "nudge-acknowledge"):
        assert hooks(page, name) == 1, name
    assert 'data-type="checkout_reminder"' in page


def test_of_several_intents_each_has_a_card_and_one_has_the_nudge(
    client: FlaskClient, session: Session, member: Member
) -> None:
    first, second = (make_intent(session, member, reward="mug", order=order) for order in ("A-1", "A-2"))
    page = shown(client)
    assert (hooks(page, "next-action"), hooks(page, "nudge-card")) == (2, 1)
    assert dismiss(client, second)[0] == 303
    page = shown(client)
    assert (hooks(page, "next-action"), hooks(page, "nudge-card")) == (1, 1)
    assert ids.encode(first.id) in page


def test_a_dismissed_nudge_is_gone_everywhere_until_another_lot_comes_due(
    client: FlaskClient, session: Session, member: Member
) -> None:
    soon = clock.now() + timedelta(days=3)
    earn(session, member, 50, expires_at=soon)
    assert answer(client, nudge_of(shown(client)), "dismiss", next="/account/referrals") == (303, "/account/referrals")
    for path in (RAIL, "/account/loyalty", "/account/referrals", "/checkout/success"):
        assert "nudge-card" not in shown(client, path), path
    earn(session, member, 20, expires_at=soon + timedelta(days=1))
    assert 'data-type="expiring_points"' in shown(client)


def test_an_acknowledged_nudge_stays_behind_the_others_without_asking_again(
    client: FlaskClient, session: Session, member: Member
) -> None:
    earn(session, member, 50, expires_at=clock.now() + timedelta(days=3))
    assert answer(client, nudge_of(shown(client)), "acknowledge")[0] == 303
    make_intent(session, member)
    page = shown(client)
    assert page.index("Share what you love") < page.index("expiring_points")
    assert hooks(page, "nudge-acknowledge") == 1, "that of the share"


@pytest.mark.parametrize("verb", ["dismiss", "acknowledge"])
def test_anothers_nudge_stays_as_it_is(client: FlaskClient, session: Session, member: Member, verb: str) -> None:
    other = make_member(session)
    earn(session, other, 50, expires_at=clock.now() + timedelta(days=3))
    theirs = refresh_and_list_nudges(session, other.user_id, clock.now())[0]
    assert answer(client, theirs["id"], verb)[0] == 303
    assert refresh_and_list_nudges(session, other.user_id, clock.now()) == [theirs]
    assert answer(client, "nonsense", verb)[0] == 404
    assert client.post(f"/account/loyalty/nudges/{theirs['id']}/{verb}").status_code == 400
    assert client.get(f"/account/loyalty/nudges/{theirs['id']}/{verb}").status_code == 405


def test_without_htmx_the_part_leads_to_the_hub(client: FlaskClient, member: Member) -> None:
    answer = client.get(RAIL)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account/loyalty#for-you")


def test_redeeming_from_the_card_confirms_what_the_checkout_planned(
    client: FlaskClient, session: Session, member: Member
) -> None:
    intent = make_intent(session, member, reward="mug")
    path = f"/account/loyalty/rewards/mug/redeem?intent={ids.encode(intent.id)}"
    assert f'action="{path}"' in client.get(path).get_data(as_text=True)
    for key in ("one", "two"):
        form = {"csrf_token": csrf(client), "idempotency_key": key}
        assert client.post(path, data=form).status_code == 303
    confirmed = session.get_one(CheckoutIntent, (member.id, intent.id))
    assert (confirmed.status, session.get_one(Member, member.id).held) == ("confirmed", 100)
    assert "next-action" not in shown(client)


@pytest.mark.parametrize("kind", ["cancelled", "foreign", "nonsense"])
def test_a_reminder_that_is_gone_holds_nothing(
    client: FlaskClient, session: Session, member: Member, kind: str
) -> None:
    gone = make_intent(session, member, reward="mug", action=Action.CANCEL)
    foreign = make_intent(session, make_member(session), reward="mug")
    intent = {"cancelled": ids.encode(gone.id), "foreign": ids.encode(foreign.id), "nonsense": "x"}[kind]
    form = {"csrf_token": csrf(client), "idempotency_key": "k"}
    answer = client.post(f"/account/loyalty/rewards/mug/redeem?intent={intent}", data=form)
    assert answer.status_code in (404, 409)
    assert session.get_one(Member, member.id).held == 0


def test_the_page_after_a_checkout_is_kind_to_everyone(client: FlaskClient) -> None:
    for order in ("", "?order=", "?order=A-1", "?order=%00%E2%80%AE" + "x" * 5000):
        page = client.get(f"/checkout/success{order}")
        assert page.status_code == 200
        assert "Join for free" in page.get_data(as_text=True)
    page = client.get("/checkout/success", query_string={"order": "<script>alert(1)</script>" + "x" * 500})
    assert "<script>alert" not in page.get_data(as_text=True)
    assert "x" * 60 not in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("path", "most"), [(RAIL, 4), ("/account/loyalty", 8), ("/account/referrals", 8), ("/checkout/success", 4)]
)
def test_the_rail_costs_little_however_much_waits(
    client: FlaskClient, session: Session, member: Member, path: str, most: int
) -> None:
    for _ in range(4):
        make_intent(session, member)
        make_intent(session, member, reward="mug")
    shown(client, path)
    with counted(session) as sent:
        shown(client, path)
    assert len(sent) <= most, sent
