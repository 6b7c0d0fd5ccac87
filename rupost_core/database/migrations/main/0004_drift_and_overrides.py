"""What was changed by hand on which node, and the changes that are kept over the template."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "drift",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("seen_at", TIMESTAMP(timezone=True), nullable=False),
    )
    op.create_table(
        "override",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("base_sealed", sa.LargeBinary, nullable=False),
        sa.Column("text_sealed", sa.LargeBinary, nullable=False),
        sa.Column("secret", sa.Boolean, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changed_at", TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now()),
    )


def downgrade() -> None:
    op.drop_table("override")
    op.drop_table("drift")
