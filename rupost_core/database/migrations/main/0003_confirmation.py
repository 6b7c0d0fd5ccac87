"""A deployment may wait for a confirmation; and none stays `running` that an earlier version lost sight of."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("deployment", sa.Column("confirm_until", sa.TIMESTAMP(timezone=True)))
    op.add_column("deployment", sa.Column("confirmed_by", sa.Text, nullable=False, server_default=""))
    op.execute("UPDATE deployment SET outcome = 'failed', finished_at = now() WHERE outcome = 'running'")


def downgrade() -> None:
    op.drop_column("deployment", "confirmed_by")
    op.drop_column("deployment", "confirm_until")
