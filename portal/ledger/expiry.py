"""Expiry: once a lot's date has passed, its points that are not on hold are debited (CONTRACT rules 3 and 4)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.ledger.posting import post_many
from portal.ledger.statements import query
from portal.platform.steps import EVERYBODY, Figures, Shard

_LOCK_DUE = text("""
    SELECT id FROM loyalty_members
    WHERE id IN (
        SELECT member_id FROM loyalty_point_expirations
        WHERE remaining > held AND expires_at IS NOT NULL AND expires_at <= :now
          AND get_byte(uuid_send(member_id), 15) % :of = :number
        ORDER BY expires_at, member_id LIMIT :limit)
    ORDER BY id FOR UPDATE
""")

# `effect` contains the points that remained, which shrink with every expiry, so that a lot that was partly on hold can
# expire again; and those that were ever restored, so that what came back can, too.
_EXPIRE = query("""
    due AS (
        SELECT l.member_id, l.id AS lot_id, l.remaining, l.restored, l.remaining - l.held AS points, l.expires_at,
               new_ulid(:now) AS entry_id, row_number() OVER (ORDER BY l.expires_at, l.seq) AS ord
        FROM loyalty_point_expirations l
        WHERE l.member_id = ANY(:ids) AND l.remaining > 0 AND l.remaining > l.held AND l.expires_at <= :now
        ORDER BY l.expires_at, l.member_id, l.seq LIMIT :limit
    ), given AS (
        SELECT ord, member_id, entry_id AS id, 'expiration' AS entry_type, -points AS amount,
               0::bigint AS qualifying, CAST(:now AS timestamptz) AS qualifies_at,
               jsonb_build_object('expired_at', expires_at) AS metadata, NULL::jsonb AS texts,
               'expiry' AS source, lot_id::text AS external_id,
               'expire:' || remaining || coalesce(':' || nullif(restored, 0), '') AS effect,
               CAST(:now AS timestamptz) AS occurred_at, CAST(:now AS timestamptz) AS posted_at,
               NULL::timestamptz AS expires_at, NULL::date AS week, 0::bigint AS pending
        FROM due
    ), takes AS (
        SELECT entry_id, lot_id, points, 0::bigint AS held FROM due
    )
""")


def expire_scheduled_points(
    session: Session, now: datetime, *, limit: int = 2500, shard: Shard = EVERYBODY
) -> Figures | None:
    """Expire up to `limit` lots of the shard, the longest due first; returns `{entries, points, members}`.

    The figures are 0 if another sweep has expired those lots meanwhile; None means that nothing is left. A member whose
    lots take two calls is counted in both. It is idempotent: running it again, concurrently or late changes nothing
    more.
    """
    values = {"now": now, "limit": limit, "number": shard.number, "of": shard.of}
    member_ids = session.scalars(_LOCK_DUE, values).all()
    if not member_ids:
        return None
    return post_many(session, _EXPIRE, {"ids": list(member_ids), "now": now, "limit": limit}, now)


def expire_due(session: Session, member_id: UUID, now: datetime) -> None:
    """Expire all that a member has past its date, as the sweep would. The caller holds the member's row lock."""
    post_many(session, _EXPIRE, {"ids": [member_id], "now": now, "limit": None}, now)
