"""A generation remembers which versions of the components it was made for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "generation", sa.Column("component_versions", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb"))
    )
    # The history asks for the last deployment of each generation on a node.
    op.create_index("ix_deployment_node_generation", "deployment", ["node", "generation"])


def downgrade() -> None:
    op.drop_index("ix_deployment_node_generation", "deployment")
    op.drop_column("generation", "component_versions")
