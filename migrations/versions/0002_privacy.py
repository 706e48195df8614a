"""who saw what in full; that the event is over; that it was purged

Revision ID: 0002
Revises: 0001
"""
import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('disclosure',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('station_key', sa.String(), nullable=True),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('attendee_id', sa.Integer(), nullable=True),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['attendee_id'], ['attendee.id'], name=op.f('fk_disclosure_attendee_id_attendee')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_disclosure'))
    )
    op.create_index('ix_disclosure_actor', 'disclosure', ['actor', 'id'])
    op.create_index(op.f('ix_disclosure_attendee_id'), 'disclosure', ['attendee_id'])
    op.create_table('purged',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('people', sa.Integer(), nullable=False),
    sa.Column('last_seq', sa.Integer(), nullable=False),
    sa.Column('chain_before', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_purged'))
    )
    op.add_column('event', sa.Column('closed_at', sa.DateTime(), nullable=True))


def downgrade():
    op.drop_column('event', 'closed_at')
    op.drop_table('purged')
    op.drop_index(op.f('ix_disclosure_attendee_id'), 'disclosure')
    op.drop_index('ix_disclosure_actor', 'disclosure')
    op.drop_table('disclosure')
