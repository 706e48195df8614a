"""an index of the few rows that are conflicts: the dashboard counts them four times a second, among a million others

Revision ID: 0005
Revises: 0004
"""
import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade():
    op.create_index('ix_scan_conflict', 'scan', ['seq'], unique=False, sqlite_where=sa.text('conflict = 1'),
                    postgresql_where=sa.text('conflict'))


def downgrade():
    op.drop_index('ix_scan_conflict', table_name='scan')
