"""Inputs as generated clients read them: what they send by default is what leaving out means."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.contract.api import BASE
from tests.contract.conftest import As
from tests.contract.document import Document, Json
from tests.contract.shop import Shop
from tests.factories.accounts import make_user

TSC = Path(__file__).parents[2] / "static" / "node_modules" / ".bin" / "tsc"
SHOPS_OWN = {"userId", "checkoutIntentId", "refereeUserId", "refundId"}
SIGNED = {"quoteId"}
NAMED = {"ScheduledJob"}  # by slugs


def resolved(document: Document, schema: Json) -> Json:
    """The schema that a reference leads to, or itself."""
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return dict(document.content["components"]["schemas"][name]) if name else schema


def nested(document: Document, schema: Json, seen: tuple[str, ...] = ()) -> Iterator[tuple[str, str, Json]]:
    """Every (schema, property, its schema) that lies in a schema."""
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    if name in seen:
        return
    found, seen = resolved(document, schema), (*seen, name) if name else seen
    for key, value in found.get("properties", {}).items():
        yield name, key, value
        yield from nested(document, value, seen)
    for inner in (*found.get("anyOf", ()), *found.get("oneOf", ()), *found.get("allOf", ())):
        yield from nested(document, inner, seen)
    if "items" in found:
        yield from nested(document, found["items"], seen)


def bodies(document: Document) -> Iterator[tuple[str, Json]]:
    """Every (operation, schema of its request body)."""
    for method, path, operation in document.operations():
        if "requestBody" in operation:
            yield f"{method} {path}", operation["requestBody"]["content"]["application/json"]["schema"]


def test_no_input_says_that_null_is_its_default(document: Document) -> None:
    wrong = [
        f"{operation}: {name}.{key}"
        for operation, schema in bodies(document)
        for name, key, value in nested(document, schema)
        if "default" in value and value["default"] is None
    ]
    assert wrong == []
    parameters = [p for _, _, operation in document.operations() for p in operation.get("parameters", [])]
    assert [p for p in parameters if p["schema"].get("default", "") is None] == []


def test_every_body_is_required(document: Document) -> None:
    for method, path, operation in document.operations():
        assert operation.get("requestBody", {"required": True}).get("required") is True, f"{method} {path}"


def test_every_id_in_an_answer_is_a_ulid(document: Document) -> None:
    wrong = [
        f"{method} {path}: {name}.{key}"
        for method, path, operation in document.operations()
        for status, response in operation["responses"].items()
        if status in ("200", "201")
        for name, key, value in nested(document, response["content"]["application/json"]["schema"])
        if re.search(r"(^id|Id)$", key) and key not in SHOPS_OWN | SIGNED and name not in NAMED
        if not re.search(r"0-9A-HJKMNP-TV-Z", json.dumps(value))
    ]
    assert sorted(set(wrong)) == []


def test_the_declarations_compile_strictly(client: FlaskClient, tmp_path: Path) -> None:
    declared = tmp_path / "types.d.ts"
    declared.write_bytes(client.get("/api/v1/types.d.ts").data)
    use = tmp_path / "use.ts"
    use.write_text("""
        import type { CheckoutInput, LedgerEntry, Redemption, TierInput } from "./types";
        const left: TierInput = {};
        const held: CheckoutInput = { orderReference: "A-1", action: "plan" };
        export const total = (entries: LedgerEntry[]): number => entries.reduce((sum, entry) => sum + entry.amount, 0);
        export const ends = (item: Redemption): string | null => item.closedAt;
        export { held, left };
    """)
    command = [str(TSC), "--strict", "--noEmit", "--exactOptionalPropertyTypes", str(declared), str(use)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


class Naive:
    """A client as generators write them: it fills in every default that the document declares."""

    def __init__(self, document: Document, shop: Shop) -> None:
        self.document, self.api = document, shop.api

    def send(self, method: str, path: str, given: Json) -> Any:
        full = BASE + path if not path.startswith("/api/") else path
        operation = self.document.operation(method, full)
        schema = resolved(self.document, operation["requestBody"]["content"]["application/json"]["schema"])
        defaults = {key: value["default"] for key, value in schema["properties"].items() if "default" in value}
        answer = self.api.send(method, path, json={**defaults, **given})
        assert answer.status_code in (200, 201), answer.get_json()
        return answer.get_json()


@pytest.fixture
def naive(document: Document, shop: Shop) -> Naive:
    """Such a client of the shop's system."""
    return Naive(document, shop)


def test_a_reward_keeps_what_a_naive_client_leaves_out(naive: Naive, shop: Shop) -> None:
    full = {"name": "Mug", "pointsCost": 10, "inventory": 3, "perMemberLimit": 2, "description": "Blue"}
    shop.api.put("/rewards/mug", full)
    before = shop.api.get("/rewards").get_json()["rewards"]
    naive.send("PUT", "/rewards/mug", {"name": "Mug"})
    assert shop.api.get("/rewards").get_json()["rewards"] == before


def test_a_user_keeps_consent_and_contact_of_a_naive_client(
    naive: Naive, shop: Shop, as_scope: As, session: Session
) -> None:
    user = make_user(session, phone_number="+491701234567", timezone="Europe/Berlin", marketing_messages=True)
    path = f"/api/v1/users/{user.id}"
    before = shop.api.put(path, {"email": user.email, "name": user.name}).get_json()
    assert naive.send("PUT", path, {"email": user.email, "name": user.name}) == before
    assert before["marketingMessages"] is True


def test_points_of_a_naive_client_expire_by_the_rule(naive: Naive, shop: Shop, ann: str) -> None:
    naive.send("POST", f"/members/{ann}/adjustments", {"points": 10, "reason": "Goodwill"})
    assert [lot["points"] for lot in shop.member(ann)["expiring"]] == [10]


def test_a_campaign_and_a_tier_keep_what_a_naive_client_leaves_out(naive: Naive, shop: Shop) -> None:
    tier = shop.api.put("/tiers/gold", {"name": "Gold", "threshold": 10, "benefits": [], "position": 4}).get_json()
    assert naive.send("PUT", "/tiers/gold", {"name": "Gold"}) == tier
    whole = {"signal": "expiring_points", "ttlHours": 5, "frequencyCapHours": 6, "priority": 7, "channels": ["sms"]}
    campaign = shop.api.put("/nudge-campaigns/ours", whole).get_json()
    assert naive.send("PUT", "/nudge-campaigns/ours", {"signal": "expiring_points"}) == campaign
