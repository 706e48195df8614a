"""when a signed-in browser last asked for something, and when its person last typed the passphrase

Revision ID: 0003
Revises: 0002
"""
import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('staff_session', sa.Column('seen_at', sa.DateTime(), nullable=True))
    op.add_column('staff_session', sa.Column('confirmed_at', sa.DateTime(), nullable=True))


def downgrade():
    op.drop_column('staff_session', 'confirmed_at')
    op.drop_column('staff_session', 'seen_at')
