"""What an operator's system does with the API, each in one call that must succeed."""

from typing import Any

from tests.contract.api import Api
from tests.contract.document import Json


class Shop:
    """The API as the scope `admin` uses it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def credit(self, user_id: str, points: int, **fields: Any) -> Json:
        """Adjust by points (negative: debit); the ledger entry."""
        body = {"points": points, "reason": "Goodwill", **fields}
        return self._made(self.api.post(f"/members/{user_id}/adjustments", body), 201)

    def member(self, user_id: str) -> Json:
        """The membership."""
        return self._made(self.api.get(f"/members/{user_id}"), 200)

    def points(self, user_id: str) -> tuple[int, int, int]:
        """Balance, held and available points."""
        shown = self.member(user_id)
        return shown["balance"], shown["held"], shown["available"]

    def tier(self, slug: str, threshold: int, **fields: Any) -> Json:
        """A tier, created or changed."""
        answer = self.api.put(
            f"/tiers/{slug}", {"name": slug.title(), "threshold": threshold, "benefits": [], **fields}
        )
        assert answer.status_code in (200, 201), answer.get_json()
        return dict(answer.get_json())

    def reward(self, slug: str, cost: int, **fields: Any) -> Json:
        """A reward, created or changed."""
        body = {"name": slug.title(), "description": "Nice", "pointsCost": cost, "inventory": None, **fields}
        answer = self.api.put(f"/rewards/{slug}", body)
        assert answer.status_code in (200, 201), answer.get_json()
        return dict(answer.get_json())

    def stock(self, slug: str) -> tuple[int | None, bool]:
        """What the catalogue says of a reward: items left, and whether it is available."""
        rewards = self._made(self.api.get("/rewards"), 200)["rewards"]
        found = next(reward for reward in rewards if reward["slug"] == slug)
        return found["inventoryRemaining"], found["available"]

    def redeem(self, user_id: str, slug: str | None = None, points: int = 0) -> Json:
        """A redemption of a reward, or of points for a purpose."""
        body = {"rewardSlug": slug} if slug else {"points": points, "description": "Workshop seat"}
        return self._made(self.api.post(f"/members/{user_id}/redemptions", body), 201)

    def fulfill(self, redemption: Json) -> Json:
        """Fulfil it."""
        return self._made(self.api.post(f"/redemptions/{redemption['id']}/fulfill"), 200)

    def cancel(self, redemption: Json, reason: str = "Changed their mind") -> Json:
        """Cancel it."""
        return self._made(self.api.post(f"/redemptions/{redemption['id']}/cancel", {"reason": reason}), 200)

    def fail(self, redemption: Json, reason: str = "Inventory depleted") -> Json:
        """Fail it."""
        return self._made(self.api.post(f"/redemptions/{redemption['id']}/fail", {"reason": reason}), 200)

    def ledger(self, user_id: str, **query: Any) -> list[Json]:
        """The newest entries of a member's ledger."""
        answer = self.api.get("/ledger", {"limit": 100, **query}, headers={"X-User-Id": user_id})
        return list(self._made(answer, 200)["entries"])

    def _made(self, answer: Any, status: int) -> Json:
        assert answer.status_code == status, answer.get_json()
        return dict(answer.get_json())
