"""scans of revoked tablets kept aside, conflicts settled, who prints, where backups go by themselves

Revision ID: 0004
Revises: 0003
"""
import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('kept_aside',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('device_id', sa.Integer(), nullable=False),
    sa.Column('station_key', sa.String(), nullable=False),
    sa.Column('scan_id', sa.String(), nullable=False),
    sa.Column('body', sa.JSON(), nullable=False),
    sa.Column('received_at', sa.DateTime(), nullable=False),
    sa.Column('settled', sa.String(), nullable=True),
    sa.Column('settled_at', sa.DateTime(), nullable=True),
    sa.Column('actor', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['device_id'], ['device.id'], name=op.f('fk_kept_aside_device_id_device'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_kept_aside')),
    sa.UniqueConstraint('device_id', 'scan_id', name=op.f('uq_kept_aside_device_id_scan_id'))
    )
    op.create_table('settlement',
    sa.Column('scan_id', sa.String(), nullable=False),
    sa.Column('decision', sa.String(), nullable=False),
    sa.Column('actor', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('note', sa.String(), nullable=True),
    sa.PrimaryKeyConstraint('scan_id', name=op.f('pk_settlement'))
    )
    op.create_table('lease',
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('owner', sa.String(), nullable=False),
    sa.Column('until', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_lease'))
    )
    op.add_column('event', sa.Column('backup_folder', sa.String(), nullable=True))


def downgrade():
    op.drop_column('event', 'backup_folder')
    op.drop_table('lease')
    op.drop_table('settlement')
    op.drop_table('kept_aside')
