"""who decided about a print job; how many jobs a printer was sent

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
    op.add_column('print_job', sa.Column('actor', sa.String(), server_default='', nullable=False))
    op.add_column('printer', sa.Column('turn', sa.Integer(), server_default='0', nullable=False))


def downgrade():
    with op.batch_alter_table('printer', schema=None) as batch_op:
        batch_op.drop_column('turn')
    with op.batch_alter_table('print_job', schema=None) as batch_op:
        batch_op.drop_column('actor')
