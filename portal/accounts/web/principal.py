"""Who is calling: nobody, a signed-in user, or a service with a token."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller. `user_id` is whom the call is for: the signed-in user, or the one a service names."""

    kind: Literal["anonymous", "user", "service"]
    name: str = ""
    user_id: str | None = None
    role: str = ""
    scopes: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """Who is accountable for the call: `user:ID` or `token:NAME`."""
        return f"{'token' if self.kind == 'service' else 'user'}:{self.name}"

    @property
    def key(self) -> str:
        """Identity for idempotency keys and rate limits; empty for nobody."""
        return "" if self.kind == "anonymous" else f"{self.actor}/{self.user_id or ''}"

    @property
    def runs_programme(self) -> bool:
        """Whether the caller has an operator's rights over every member."""
        return self.role in ("operator", "admin") or "admin" in self.scopes

    @property
    def owns_programme(self) -> bool:
        """Whether the caller may change staff, tokens and settings."""
        return self.role == "admin" or "admin" in self.scopes

    def acting_for(self, user_id: str) -> "Principal":
        """The same caller, for that user."""
        return Principal(self.kind, self.name, user_id, self.role, self.scopes)


ANONYMOUS = Principal("anonymous")
