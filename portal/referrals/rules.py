"""The programme's rules for referrals, as values that services are given."""

from dataclasses import dataclass
from datetime import timedelta

from portal.config import Settings


@dataclass(frozen=True, slots=True)
class ReferralRules:
    """Quota, pace, life and rewards of invites, and the base of their links."""

    max_active: int
    cooldown: timedelta
    bonus: int
    welcome: int
    life: timedelta
    attribution: timedelta
    holding: timedelta
    minimum_order: int
    convert_at_registration: bool
    link_base: str

    @classmethod
    def of(cls, settings: Settings) -> "ReferralRules":
        """The rules of these settings."""
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
            link_base=f"{settings.public_url or f'http://{settings.host}:{settings.port}'}/r/",
        )

    def link(self, code: str) -> str:
        """The address to pass on for a code."""
        return self.link_base + code
