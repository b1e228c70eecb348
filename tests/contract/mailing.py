"""A shop whose messages really leave: users, what calls for a nudge, the job, and what was decided."""

import json
from datetime import datetime, timedelta
from typing import Any

from portal.accounts.models import User
from portal.platform import clock
from portal.platform.db import db
from portal.platform.web.application import Portal
from tests.contract.api import Api
from tests.contract.document import Document, Json
from tests.contract.shop import Shop
from tests.contract.till import Till
from tests.factories.accounts import csrf, make_token, sign_in

JOB = "loyalty_nudge_aggregation"


class Mailing:
    """The portal where commits are real, as an operator's system and its crontab see it."""

    def __init__(self, app: Portal, document: Document) -> None:
        self.app = app
        with app.app_context():
            token = make_token(db.session(), "admin")
            db.session.commit()
        self.shop = Shop(Api(app.test_client(), document, token))

    def user(self, user_id: str = "ann", **fields: Any) -> Till:
        """A member who agrees to messages and has 100 points that do not expire."""
        body = {"email": f"{user_id}@example.com", "name": user_id.title(), "marketingMessages": True, **fields}
        known = self.shop.api.put(f"/api/v1/users/{user_id}", body).status_code == 200
        if not known:
            self.shop.credit(user_id, 100, expiresAt=None)
        return Till(self.shop.api, user_id)

    def lot(self, user_id: str = "ann", days: float = 5, points: int = 20) -> None:
        """Points that end soon."""
        self.shop.credit(user_id, points, expiresAt=(clock.now() + timedelta(days=days)).isoformat())

    def prefer(self, user_id: str = "ann", **fields: Any) -> int:
        """Save the preferences page (None leaves a field out; the timezone is the programme's, UTC); the status."""
        client = self.app.test_client()
        with self.app.app_context():
            sign_in(client, db.session.get_one(User, user_id))
            db.session.commit()
        form = {
            "marketing_messages": "y",
            "kinds": ["tier_upgrade", "nudge"],
            "email": "y",
            "sms": "y",
            "push": "y",
            "timezone": "",
            "csrf_token": csrf(client),
            **fields,
        }
        filled = {key: value for key, value in form.items() if value is not None}
        return client.post("/account/preferences", data=filled).status_code

    def run(self, at: datetime) -> Json:
        """Aggregate and dispatch as of a time; the metrics."""
        result = self.app.test_cli_runner().invoke(args=["jobs", "run", JOB, "--at", at.isoformat()])
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.output))

    def told(self, user_id: str = "ann", **query: Any) -> list[Json]:
        """The dispatches of a user, oldest first."""
        answer = self.shop.api.get("/nudge-dispatches", {"userId": user_id, "limit": 100, **query})
        assert answer.status_code == 200, answer.get_json()
        return list(reversed(answer.get_json()["dispatches"]))

    def statuses(self, user_id: str = "ann") -> list[str]:
        """What was decided for a user, oldest first."""
        return [event["status"] for event in self.told(user_id)]


def noon(days: int = 1) -> datetime:
    """12:00 UTC of a coming day."""
    return (clock.now() + timedelta(days=days)).replace(hour=12, minute=0, second=0, microsecond=0)
