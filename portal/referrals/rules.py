"""The programme's rules for referrals, passed to services as values."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.config import Settings


@dataclass(frozen=True, slots=True)
class ReferralRules:
    """Quota, cooldown, life and rewards of invites, limits on sending them, and the base of their links.

    `recipient_key` is the secret that hashes of recipients are made with.
    """

    max_active: int
    cooldown: timedelta
    bonus: int
    welcome: int
    life: timedelta
    attribution: timedelta
    holding: timedelta
    minimum_order: int
    convert_at_registration: bool
    clawback: timedelta
    daily_conversions: int
    new_customers_only: bool
    circles: bool
    recipient_max: int
    recipient_window: timedelta
    daily_cap: int
    sms_countries: frozenset[str]
    recipient_key: bytes = field(repr=False)
    link_base: str

    @classmethod
    def of(cls, settings: Settings) -> "ReferralRules":
        """The rules that these settings define."""
        return cls(
            max_active=settings.referral_member_max_active_invites,
            cooldown=timedelta(seconds=settings.referral_member_invite_cooldown_seconds),
            bonus=settings.referral_bonus_points,
            welcome=settings.referral_welcome_points,
            life=timedelta(days=settings.referral_invite_days),
            attribution=timedelta(days=settings.referral_attribution_days),
            holding=timedelta(days=settings.referral_holding_days),
            minimum_order=settings.referral_minimum_order,
            convert_at_registration=settings.referral_convert_at_registration,
            clawback=timedelta(days=settings.referral_clawback_days),
            daily_conversions=settings.referral_daily_conversions,
            new_customers_only=settings.referral_new_customers_only,
            circles=settings.referral_circles,
            recipient_max=settings.invite_recipient_max,
            recipient_window=timedelta(days=settings.invite_recipient_days),
            daily_cap=settings.invite_daily_cap,
            sms_countries=frozenset(settings.invite_sms_countries.split()),
            recipient_key=hashlib.sha256(f"invite recipients:{settings.secret_key}".encode()).digest(),
            link_base=f"{settings.public_url or f'http://{settings.host}:{settings.port}'}/r/",
        )

    def next_invite_at(self, last: datetime | None, now: datetime) -> datetime | None:
        """When a member whose last invite was at `last` may invite again; None if they may now (CONTRACT rule 11).

        If the clock was set back, a `last` in the future does not lengthen the cooldown.
        """
        again = min(last, now) + self.cooldown if last is not None else now
        return again if again > now else None

    def link(self, code: str) -> str:
        """The URL to share for a code."""
        return self.link_base + code
