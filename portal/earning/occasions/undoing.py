"""What an occasion brought is taken back by hand: limits get their room back, and what is had once may be had again."""

from datetime import datetime

from sqlalchemy.orm import Session

from portal.earning.grants import Cause, free_entitlements, get_grants, write_grants
from portal.earning.reads import get_versions
from portal.ledger import EntryKey


def give_room_back(session: Session, entry: EntryKey, points: int, now: datetime) -> None:
    """Note that so many points of a grant were taken back, by the date that it counts by in limits.

    A grant of which nothing is left is had no more. The caller holds the member's row lock.
    """
    _, episode, slug = entry.effect.split(":")
    cause = Cause(entry.member_id, entry.source, entry.external_id, now, int(episode))
    known = get_grants(session, cause)[slug]
    dated = Cause(entry.member_id, entry.source, entry.external_id, known.at, int(episode))
    write_grants(session, dated, [(rule, -points, known.facts) for rule in get_versions([(slug, known.version)])], now)
    if known.net == points:
        free_entitlements(session, dated, [slug])
