"""Refuse changed ledger entries and tiers that do not ascend; make ids in sweeps."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LEDGER = "loyalty_ledger_entries"


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION new_ulid(moment timestamptz) RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
            SELECT overlay(
                replace(gen_random_uuid()::text, '-', '')
                PLACING lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') FROM 1 FOR 12
            )::uuid
        $$
    """)
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute(f"""
        CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {LEDGER}
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """)
    op.execute(f"""
        CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {LEDGER}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
    for trigger in ("append_only_rows", "append_only_table"):
        op.execute(f"ALTER TABLE {LEDGER} ENABLE ALWAYS TRIGGER {trigger}")
    op.execute("""
        CREATE FUNCTION tiers_must_ascend() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM loyalty_tiers a JOIN loyalty_tiers b ON a.id <> b.id
                WHERE a.active AND b.active AND a.position <= b.position AND a.threshold >= b.threshold
            ) THEN
                RAISE EXCEPTION 'tier thresholds must ascend strictly with position' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE CONSTRAINT TRIGGER ascending AFTER INSERT OR UPDATE ON loyalty_tiers
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tiers_must_ascend()
    """)


def downgrade() -> None:
    op.execute("DROP TRIGGER ascending ON loyalty_tiers")
    op.execute("DROP FUNCTION tiers_must_ascend()")
    op.execute(f"DROP TRIGGER append_only_table ON {LEDGER}")
    op.execute(f"DROP TRIGGER append_only_rows ON {LEDGER}")
    op.execute("DROP FUNCTION refuse_change()")
    op.execute("DROP FUNCTION new_ulid(timestamptz)")
