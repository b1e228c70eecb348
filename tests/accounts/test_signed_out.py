"""Acts whose sign-in is over: told what was not done, and led back to the question after signing in again."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.accounts.web.guards import Access, access_of
from portal.platform import clock
from portal.platform.web.application import Portal
from tests.contract.pages import PageView
from tests.factories.accounts import csrf, make_user, sign_in
from tests.factories.loyalty import make_member, make_reward

HUB = "/account/loyalty"
QUESTION = f"{HUB}/rewards/mug/redeem"
PASSWORD = "correct horse battery staple"
NO_PARAMETER = "01M7YT1Z24TBF89PNXSWKH3P9Z"
WAYS = {
    "htmx": {"HX-Request": "true", "HX-Current-URL": f"http://localhost{HUB}?types=ledger"},
    "plain": {"Referer": f"http://localhost{HUB}?types=ledger"},
}
REDEEM, ACT = "Please sign in again. Nothing was redeemed.", "Please sign in again. Nothing was changed."


@pytest.fixture
def stale(client: FlaskClient, session: Session) -> FlaskClient:
    """A browser whose sign-in has just been ended."""
    user = make_user(session, id="anna", email="anna@example.com", password=PASSWORD)
    make_member(session, user, points=500)
    make_reward(session, "mug", 100)
    sign_in(client, user, revoked_at=clock.now())
    return client


def led_to(client: FlaskClient, method: str, path: str, **options: Any) -> tuple[str, str]:
    """Where the sign-in page would lead back to, and what it says first."""
    answer = client.open(path, method=method, **options)
    assert answer.status_code in (303, 401), (method, path)
    login = answer.headers.get("HX-Redirect") or answer.headers["Location"]
    page = PageView(client.get(login).text)
    assert urlsplit(login).path == "/login"
    return parse_qs(urlsplit(login).query).get("next", [""])[0], page.text("flash")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("intent", ["", f"?intent={NO_PARAMETER}"])
def test_who_was_redeeming_is_told_and_comes_back_to_the_question(
    stale: FlaskClient, way: str, method: str, intent: str
) -> None:
    back, said = led_to(stale, method, QUESTION + intent, headers=WAYS[way])
    assert (back, said) == (QUESTION + intent, REDEEM)

    answer = stale.post(
        "/login",
        data={"csrf_token": csrf(stale), "email": "anna@example.com", "password": PASSWORD, "next": back},
        follow_redirects=True,
    )

    assert answer.request.path == QUESTION
    assert "Redeem for 100 points" in answer.text


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("path", "back", "said"),
    [
        ("/account/referrals", "/account/referrals", "Nobody was invited."),
        (f"/account/referrals/{NO_PARAMETER}/cancel", f"{HUB}?types=ledger", "Nothing was cancelled."),
        (f"{HUB}/redemptions/{NO_PARAMETER}/cancel", f"{HUB}?types=ledger", "Nothing was cancelled."),
        (f"{HUB}/redemptions/{NO_PARAMETER}/retry", f"{HUB}?types=ledger", "Nothing was redeemed."),
        (f"{HUB}/nudges/{NO_PARAMETER}/dismiss", f"{HUB}?types=ledger", "Nothing was changed."),
        ("/account/preferences", "/account/preferences", "Nothing was saved."),
        ("/admin/members/anna/adjust", "/admin/members/anna/adjust", "Nothing was changed."),
        (
            "/admin/redemptions/bulk/fulfil?ids=a&ids=b",
            "/admin/redemptions/bulk/fulfil?ids=a&ids=b",
            "Nothing was changed.",
        ),
    ],
)
def test_every_act_leads_back_to_its_page(stale: FlaskClient, way: str, path: str, back: str, said: str) -> None:
    assert led_to(stale, "POST", path, headers=WAYS[way]) == (back, f"Please sign in again. {said}")


def test_no_act_of_a_person_goes_by_without_a_word(app: Portal, stale: FlaskClient) -> None:
    people = {Access.PAGE, Access.CONSOLE, Access.CONSOLE_OWNER}
    rules = [r for r in app.url_map.iter_rules() if access_of(r.endpoint) in people and "POST" in (r.methods or ())]
    adapter = app.url_map.bind("localhost")

    for rule in rules:
        values: dict[str, Any] = dict.fromkeys(rule.arguments, 1 if "int:" in rule.rule else NO_PARAMETER)
        values |= {name: verb for verb, name in re.findall(r'<any\("?([\w-]+)[^)]*\):(\w+)>', rule.rule)}
        path = adapter.build(rule.endpoint, values, method="POST")
        back, said = led_to(stale, "POST", path, headers=WAYS["htmx"])
        assert back in (path, f"{HUB}?types=ledger"), path
        assert said.startswith("Please sign in again. No"), path
    assert len(rules) > 25


@pytest.mark.parametrize("path", ["/account/loyalty/for-you", "/app/api/loyalty/timeline"])
def test_a_part_of_a_page_leads_back_to_the_page(stale: FlaskClient, path: str) -> None:
    said = led_to(stale, "GET", path, headers=WAYS["htmx"])
    assert said == (f"{HUB}?types=ledger", "Please sign in again.")


def test_it_is_said_once_however_many_parts_ask(stale: FlaskClient) -> None:
    for _ in range(3):
        stale.get("/account/loyalty/for-you", headers=WAYS["htmx"])
    assert led_to(stale, "POST", QUESTION, headers=WAYS["htmx"])[1] == REDEEM


@pytest.mark.parametrize("path", [HUB, QUESTION, "/admin/"])
def test_who_follows_a_link_from_elsewhere_has_lost_nothing(client: FlaskClient, path: str) -> None:
    headers = {"Referer": "https://elsewhere.example/account/loyalty"}
    assert led_to(client, "GET", path, headers=headers) == (path, "")


@pytest.mark.parametrize(
    "headers",
    [
        {"Referer": "https://elsewhere.example/account/loyalty"},
        {"Referer": "//elsewhere.example/"},
        {"Referer": "http://["},
        {"HX-Request": "true", "HX-Current-URL": "http://["},
        {"HX-Request": "true", "HX-Current-URL": "https://elsewhere.example//elsewhere.example"},
        {"HX-Request": "true", "HX-Current-URL": "javascript:alert(1)"},
        {},
    ],
)
def test_nobody_is_led_elsewhere(stale: FlaskClient, headers: dict[str, str]) -> None:
    back, said = led_to(stale, "POST", f"{HUB}/nudges/{NO_PARAMETER}/dismiss", headers=headers)
    assert (back, said) == ("", ACT)


def test_programs_get_a_problem(stale: FlaskClient) -> None:
    answer = stale.post("/api/v1/loyalty/referrals", json={}, headers=WAYS["htmx"])
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
