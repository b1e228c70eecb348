"""People at a running instance: new members rise, redeem and look at their hub, one after the other."""

import re
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.resilience.running import Running

LOYALTY = "/api/v1/loyalty"
PASSWORD = "correct horse battery staple"
PAUSE_SECONDS = 0.05


@dataclass
class Client:
    """A till with a service token and, on the same machine, a member's signed-in browser.

    `took` are the seconds of each answer by what was asked; `risen` counts members who reached Gold.
    """

    instance: Running
    token: str
    number: int
    took: dict[str, list[float]] = field(default_factory=dict)
    risen: int = 0

    def __post_init__(self) -> None:
        self.browser = requests.Session()
        self.browser.trust_env = False
        email = f"browser-{self.number}@example.com"
        self.instance.flask("users", "create", "--email", email, "--password-stdin", text=f"{PASSWORD}\n")
        page = self.browser.get(f"{self.instance.url}/login", timeout=60).text
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
        assert found is not None
        fields = {"csrf_token": found[1], "email": email, "password": PASSWORD}
        answer = self.browser.post(f"{self.instance.url}/login", fields, timeout=60)
        assert answer.url.endswith("/account/loyalty"), answer.text

    def go_on(self, until: float) -> None:
        """Ask until that moment of the monotonic clock."""
        while time.monotonic() < until:
            self._let_one_rise(f"m-{self.number}-{self.risen}")
            self.risen += 1
            time.sleep(PAUSE_SECONDS)

    def _let_one_rise(self, user: str) -> None:
        fields = {"email": f"{user}@example.com", "name": "M", "marketingMessages": True}
        self._ask("user", "PUT", f"/api/v1/users/{user}", fields)
        self._ask("adjustment", "POST", f"{LOYALTY}/members/{user}/adjustments", {"points": 150, "reason": "Goodwill"})
        self._ask("redemption", "POST", f"{LOYALTY}/members/{user}/redemptions", {"points": 20, "description": "Mug"})
        began = time.monotonic()
        answer = self.browser.get(f"{self.instance.url}/account/loyalty", timeout=60)
        self._note("hub", began, answer, 200)

    def _ask(self, what: str, method: str, path: str, body: dict[str, Any]) -> None:
        began = time.monotonic()
        self._note(what, began, self.instance.ask(method, path, self.token, json=body), 201)

    def _note(self, what: str, began: float, answer: requests.Response, status: int) -> None:
        self.took.setdefault(what, []).append(time.monotonic() - began)
        assert answer.status_code == status, answer.text


def p95(clients: list[Client], what: str) -> float:
    """The seconds within which 95 of 100 of these answers came, over all clients."""
    took = sorted(second for client in clients for second in client.took[what])
    return took[int(len(took) * 0.95)]
