"""What a shop's checkout says, and what a member's device asks and answers afterwards."""

from typing import Any

from werkzeug.test import TestResponse

from tests.contract.api import Api
from tests.contract.document import Json


def redemption(intent: str = "c-1", points: Any = 30, **fields: Any) -> Json:
    """The part of a request that redeems points, or a reward when one is named by `rewardSlug`."""
    wanted = {} if points is None or "rewardSlug" in fields else {"points": points}
    return {"redemption": {"checkoutIntentId": intent, **wanted, **fields}}


def share(intent: str = "s-1", **fields: Any) -> Json:
    """The part of a request that reminds the member to invite a friend."""
    return {"referralShare": {"checkoutIntentId": intent, **fields}}


class Till:
    """The API as a checkout uses it for one member."""

    def __init__(self, api: Api, user_id: str) -> None:
        self.api, self.user_id = api, user_id

    def ask(self, action: str, *parts: Json, **fields: Any) -> TestResponse:
        """Plan, confirm or cancel, whatever the answer."""
        body: Json = {"userId": self.user_id, "orderReference": "A-1", "action": action}
        for part in (*parts, fields):
            body |= part
        return self.api.post("/checkout/intents", body)

    def plan(self, *parts: Json, **fields: Any) -> Json:
        """Plan, which must succeed; the intent of the first part."""
        return self._done("plan", *parts, **fields)

    def confirm(self, *parts: Json, **fields: Any) -> Json:
        """Confirm, which must succeed; the intent of the first part."""
        return self._done("confirm", *parts, **fields)

    def cancel(self, *parts: Json, **fields: Any) -> Json:
        """Cancel, which must succeed; the intent of the first part."""
        return self._done("cancel", *parts, **fields)

    def feed(self) -> Json:
        """The member's next actions."""
        return self._read("/next-actions")

    def pending(self) -> list[str]:
        """The `checkoutIntentId`s of the feed, sorted."""
        return sorted(intent["checkoutIntentId"] for intent in self.feed()["intents"])

    def resolve(self, intent: Json, status: Any = "resolved") -> TestResponse:
        """Answer a next action."""
        return self.api.post(f"/next-actions/{intent['id']}/resolve", {"status": status}, self._for())

    def redemptions(self) -> list[Json]:
        """The member's redemptions, newest first."""
        return list(self._read("/redemptions")["redemptions"])

    def nudges(self) -> dict[str, Json]:
        """The member's nudges by type; two of a type are a failure."""
        found = self._read("/nudges")["nudges"]
        types = [nudge["type"] for nudge in found]
        assert len(types) == len(set(types)), types
        return dict(zip(types, found, strict=True))

    def answer(self, nudge: Json, status: Any) -> TestResponse:
        """Acknowledge or dismiss a nudge."""
        return self.api.post(f"/nudges/{nudge['id']}/status", {"status": status}, self._for())

    def _done(self, action: str, *parts: Json, **fields: Any) -> Json:
        answer = self.ask(action, *parts, **fields)
        assert answer.status_code == 200, answer.get_json()
        wanted = next(iter(parts[0].values()))["checkoutIntentId"]
        found = [intent for intent in answer.get_json()["intents"] if intent["checkoutIntentId"] == wanted]
        assert len(found) == 1, answer.get_json()
        return dict(found[0])

    def _read(self, path: str) -> Json:
        answer = self.api.get(path, headers=self._for())
        assert answer.status_code == 200, answer.get_json()
        return dict(answer.get_json())

    def _for(self) -> dict[str, str]:
        return {"X-User-Id": self.user_id}
