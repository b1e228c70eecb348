"""Orders as a shop tells them: a body with one line for what is left out, and what the API made of it."""

from typing import Any

from werkzeug.test import TestResponse

from tests.contract.api import Api
from tests.contract.document import Json

PLACED = "2026-11-20T10:00:00+00:00"
RULE = {"name": "Every order", "kind": "spend", "points": 1, "perAmount": 100}


def line(amount: int, line_id: str = "1", **fields: Any) -> Json:
    """A line of products."""
    return {"lineId": line_id, "amount": amount, **fields}


def order_of(*lines: Json | int, **fields: Any) -> Json:
    """A paid order of these lines; numbers are amounts of product lines."""
    numbered = [line(each, str(n)) if isinstance(each, int) else each for n, each in enumerate(lines, 1)]
    return {"currency": "EUR", "placedAt": PLACED, "status": "paid", "lines": numbered, **fields}


def put_rule(admin: Api, slug: str, **terms: Any) -> None:
    """Write a rule."""
    answer = admin.put(f"/earning-rules/{slug}", {"name": slug.title(), **terms})
    assert answer.status_code in (200, 201), answer.get_json()


def amounts(answer: Json) -> list[int]:
    """The amounts of the entries that an answer tells of."""
    return [entry["amount"] for entry in answer["entries"]]


def net(answer: Json) -> int:
    """The points that an order has granted and not taken back."""
    return int(answer["order"]["points"]["granted"] - answer["order"]["points"]["reversed"])


class Orders:
    """The API as the scope `orders` uses it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def put(self, reference: str, body: Json) -> Json:
        """Tell the state of an order; it must be taken."""
        answer = self.send(reference, body)
        assert answer.status_code in (200, 201), answer.get_json()
        return dict(answer.get_json())

    def send(self, reference: str, body: Json) -> TestResponse:
        """Tell the state of an order, whatever comes of it."""
        return self.api.put(f"/orders/{reference}", body)

    def get(self, reference: str) -> Json:
        """The order."""
        answer = self.api.get(f"/orders/{reference}")
        assert answer.status_code == 200, answer.get_json()
        return dict(answer.get_json())

    def refund(self, reference: str, refund: Json) -> Json:
        """Tell of a refund; it must be taken, and new."""
        answer = self.send_refund(reference, refund)
        assert answer.status_code == 201, answer.get_json()
        return dict(answer.get_json())

    def send_refund(self, reference: str, refund: Json) -> TestResponse:
        """Tell of a refund, whatever comes of it."""
        return self.api.post(f"/orders/{reference}/refunds", refund)

    def quote_refund(self, reference: str, refund: Json) -> Json:
        """What a refund would do."""
        answer = self.api.post(f"/orders/{reference}/refunds/quote", refund)
        assert answer.status_code == 200, answer.get_json()
        return dict(answer.get_json())

    def undo_refund(self, reference: str, refund_id: str) -> TestResponse:
        """Say that a refund was undone."""
        return self.api.send("DELETE", f"/orders/{reference}/refunds/{refund_id}")

    def quote(self, body: Json) -> Json:
        """What a cart would earn."""
        cart = {name: value for name, value in body.items() if name not in ("placedAt", "status")}
        answer = self.api.post("/orders/quote", cart)
        assert answer.status_code == 200, answer.get_json()
        return dict(answer.get_json())
