"""Keep what segments, attribution and pending credits are read from; suppress addresses that opted out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

CHECKS = {
    "credit_due": "(status = 'converted') = (credit_due_at IS NOT NULL)",
    "credited": "credited_at IS NULL OR status = 'converted'",
    "attributed": "(attributed_user_id IS NULL) = (attributed_at IS NULL)",
}


def upgrade() -> None:
    op.create_table('message_suppressions',
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('address_hash', sa.LargeBinary(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("channel IN ('email', 'sms')", name=op.f('ck_message_suppressions_channel')),
    sa.PrimaryKeyConstraint('channel', 'address_hash', name=op.f('pk_message_suppressions'))
    )
    op.create_table('loyalty_referral_activity',
    sa.Column('member_id', sa.Uuid(), nullable=False),
    sa.Column('open_invites', sa.Integer(), server_default='0', nullable=False),
    sa.Column('last_invite_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_activity_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('device', sa.String(), nullable=True),
    sa.CheckConstraint('open_invites >= 0', name=op.f('ck_loyalty_referral_activity_open_invites')),
    sa.ForeignKeyConstraint(['member_id'], ['loyalty_members.id'], name=op.f('fk_loyalty_referral_activity_member_id_loyalty_members')),
    sa.PrimaryKeyConstraint('member_id', name=op.f('pk_loyalty_referral_activity'))
    )
    op.create_index('ix_loyalty_referral_activity_last', 'loyalty_referral_activity', ['last_activity_at'], unique=False, postgresql_include=['member_id', 'open_invites'], postgresql_where=sa.text('last_activity_at IS NOT NULL'))
    op.add_column('loyalty_referral_invites', sa.Column('not_sent_reason', sa.String(), nullable=True))
    op.add_column('loyalty_referral_invites', sa.Column('shared_code', sa.String(), nullable=True))
    op.add_column('loyalty_referral_invites', sa.Column('attributed_user_id', sa.String(), nullable=True))
    op.add_column('loyalty_referral_invites', sa.Column('attributed_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('loyalty_referral_invites', sa.Column('inviter_device', sa.String(), nullable=True))
    op.add_column('loyalty_referral_invites', sa.Column('referee_device', sa.String(), nullable=True))
    op.add_column('loyalty_referral_invites', sa.Column('credit_due_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('loyalty_referral_invites', sa.Column('credited_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_loyalty_referral_invites_conversions', 'loyalty_referral_invites', ['member_id', 'converted_at', 'id'], unique=False, postgresql_where=sa.text("status = 'converted'"))
    op.create_index('ix_loyalty_referral_invites_converted_at', 'loyalty_referral_invites', ['converted_at'], unique=False, postgresql_include=['member_id'], postgresql_where=sa.text("status = 'converted'"))
    op.create_index('ix_loyalty_referral_invites_created_at', 'loyalty_referral_invites', ['created_at'], unique=False, postgresql_include=['member_id'])
    op.create_index('ix_loyalty_referral_invites_uncredited', 'loyalty_referral_invites', ['credit_due_at'], unique=False, postgresql_where=sa.text("status = 'converted' AND credited_at IS NULL"))
    op.create_index('uq_loyalty_referral_invites_attributed', 'loyalty_referral_invites', ['attributed_user_id'], unique=True)
    op.create_foreign_key(op.f('fk_loyalty_referral_invites_attributed_user_id_users'), 'loyalty_referral_invites', 'users', ['attributed_user_id'], ['id'])
    op.execute("""
        UPDATE loyalty_referral_invites SET credit_due_at = converted_at, credited_at = converted_at
        WHERE status = 'converted'
    """)
    op.execute("""
        INSERT INTO loyalty_referral_activity (member_id, open_invites, last_invite_at, last_activity_at)
        SELECT member_id, count(*) FILTER (WHERE status IN ('draft', 'sent')), max(created_at),
               greatest(max(created_at), max(converted_at))
        FROM loyalty_referral_invites GROUP BY member_id
    """)
    for name, rule in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_loyalty_referral_invites_{name}"), "loyalty_referral_invites", rule)


def downgrade() -> None:
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_loyalty_referral_invites_{name}"), "loyalty_referral_invites", type_="check")
    op.drop_constraint(op.f('fk_loyalty_referral_invites_attributed_user_id_users'), 'loyalty_referral_invites', type_='foreignkey')
    op.drop_index('uq_loyalty_referral_invites_attributed', table_name='loyalty_referral_invites')
    op.drop_index('ix_loyalty_referral_invites_uncredited', table_name='loyalty_referral_invites', postgresql_where=sa.text("status = 'converted' AND credited_at IS NULL"))
    op.drop_index('ix_loyalty_referral_invites_created_at', table_name='loyalty_referral_invites', postgresql_include=['member_id'])
    op.drop_index('ix_loyalty_referral_invites_converted_at', table_name='loyalty_referral_invites', postgresql_include=['member_id'], postgresql_where=sa.text("status = 'converted'"))
    op.drop_index('ix_loyalty_referral_invites_conversions', table_name='loyalty_referral_invites', postgresql_where=sa.text("status = 'converted'"))
    op.drop_column('loyalty_referral_invites', 'credited_at')
    op.drop_column('loyalty_referral_invites', 'credit_due_at')
    op.drop_column('loyalty_referral_invites', 'referee_device')
    op.drop_column('loyalty_referral_invites', 'inviter_device')
    op.drop_column('loyalty_referral_invites', 'attributed_at')
    op.drop_column('loyalty_referral_invites', 'attributed_user_id')
    op.drop_column('loyalty_referral_invites', 'shared_code')
    op.drop_column('loyalty_referral_invites', 'not_sent_reason')
    op.drop_index('ix_loyalty_referral_activity_last', table_name='loyalty_referral_activity', postgresql_include=['member_id', 'open_invites'], postgresql_where=sa.text('last_activity_at IS NOT NULL'))
    op.drop_table('loyalty_referral_activity')
    op.drop_table('message_suppressions')
