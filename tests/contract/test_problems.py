"""How the API refuses: problem documents, whatever went wrong."""

import pytest
from flask.testing import FlaskClient

from tests.contract.api import Api, check_conventions, code
from tests.contract.document import Document
from tests.contract.shop import Shop

NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
READS = ["/tiers", "/rewards", "/members/ann", "/ledger", "/redemptions"]
WRITES = [
    ("PUT", "/tiers/silver"),
    ("PUT", "/rewards/mug"),
    ("PUT", "/api/v1/users/ann"),
    ("POST", "/members/ann/adjustments"),
    ("POST", "/members/ann/redemptions"),
    ("POST", f"/redemptions/{NOBODY}/fulfill"),
    ("POST", f"/redemptions/{NOBODY}/fail"),
    ("POST", f"/redemptions/{NOBODY}/cancel"),
]
BODIES = [
    ("PUT", "/tiers/silver"),
    ("PUT", "/rewards/mug"),
    ("PUT", "/api/v1/users/ann"),
    ("POST", "/members/{ann}/adjustments"),
    ("POST", "/members/{ann}/redemptions"),
]


@pytest.mark.parametrize("path", READS)
def test_a_read_without_credentials_is_401(client: FlaskClient, document: Document, path: str) -> None:
    assert Api(client, document).get(path).status_code == 401


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_write_without_credentials_is_401(client: FlaskClient, document: Document, method: str, path: str) -> None:
    assert Api(client, document).send(method, path, json={}).status_code == 401


@pytest.mark.parametrize("value", ["Bearer nonsense", "Bearer ", "Bearer", "Basic YTpi", "bearer\tx", "Bearer é"])
def test_a_wrong_authorization_is_401(client: FlaskClient, document: Document, value: str) -> None:
    assert Api(client, document).get("/tiers", headers={"Authorization": value}).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tiers"),
        ("DELETE", "/tiers/silver"),
        ("GET", "/tiers/silver"),
        ("DELETE", "/rewards/mug"),
        ("PUT", "/ledger"),
        ("GET", "/members/ann/adjustments"),
        ("PATCH", "/members/ann"),
        ("GET", f"/redemptions/{NOBODY}/fulfill"),
        ("DELETE", "/api/v1/users/ann"),
    ],
)
def test_a_wrong_method_is_405_and_names_the_right_ones(admin: Api, method: str, path: str) -> None:
    answer = admin.send(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/nothing", "/tiers/a/b", "/api/v1/nothing", "/api/v2/loyalty/tiers", "/api/nothing"])
def test_an_unknown_path_is_404_with_a_problem(admin: Api, path: str) -> None:
    assert admin.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/"])
def test_an_unknown_path_is_no_page_for_browsers_either(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    check_conventions(answer)
    assert answer.status_code in (401, 404)


@pytest.mark.parametrize(("method", "path"), BODIES)
@pytest.mark.parametrize("body", [b"{", b"", b"{'a': 1}", b'{"a": NaN}', b"\xff\xfe", b'{"a": 1} x'])
def test_malformed_json_is_400(admin: Api, ann: str, method: str, path: str, body: bytes) -> None:
    answer = admin.send(method, path.format(ann=ann), data=body, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize(("method", "path"), BODIES)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
def test_another_content_type_is_415(admin: Api, ann: str, method: str, path: str, kind: str | None) -> None:
    answer = admin.send(method, path.format(ann=ann), data=b'{"points": 5, "reason": "x"}', content_type=kind)
    assert answer.status_code == 415


@pytest.mark.parametrize(("method", "path"), BODIES)
@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"', "true"])
def test_json_that_is_no_object_is_422(admin: Api, ann: str, method: str, path: str, body: str) -> None:
    answer = admin.send(method, path.format(ann=ann), data=body, content_type="application/json")
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_422_names_the_field(admin: Api, ann: str, method: str, path: str) -> None:
    answer = admin.send(
        method, path.format(ann=ann), json={"points": "many", "pointsCost": [], "threshold": [], "name": 1}
    )
    assert answer.status_code == 422
    assert any(error["field"] for error in answer.get_json()["errors"])


def test_unknown_ids_are_404(shop: Shop) -> None:
    assert code(shop.api.get("/members/nobody")) == (404, "user_not_found")
    assert code(shop.api.post("/members/nobody/adjustments", {"points": 1, "reason": "x"}))[0] == 404
    assert code(shop.api.post("/members/nobody/redemptions", {"points": 1, "description": "x"}))[0] == 404
    assert shop.api.get("/ledger", headers={"X-User-Id": "nobody"}).status_code == 404
    assert shop.api.get("/redemptions", headers={"X-User-Id": "nobody"}).status_code == 404
    for verb in ("fulfill", "fail", "cancel"):
        assert shop.api.post(f"/redemptions/{NOBODY}/{verb}", {"reason": "x"}).status_code == 404


def test_an_unknown_reward_is_404_by_its_code(shop: Shop, ann: str) -> None:
    shop.credit(ann, 100)
    answer = shop.api.post(f"/members/{ann}/redemptions", {"rewardSlug": "nothing"})
    assert code(answer) == (404, "reward_not_found")


def test_the_type_is_of_this_portal_whatever_host_was_asked_for(client: FlaskClient) -> None:
    document = client.get("/api/v1/nowhere", headers={"Host": "evil.test"}).get_json()
    base = client.application.config["SETTINGS"].base_url
    assert document["type"] == f"{base}/api/docs#problem-not_found"
