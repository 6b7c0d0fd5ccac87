"""Custom templates: which base a template was made for, who brought it, and whether it is out of use."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("template", sa.Column("base_name", sa.Text))
    op.add_column("template", sa.Column("base_version", sa.Text))
    op.add_column("template", sa.Column("base_digest", sa.Text))
    op.add_column("template", sa.Column("added_by", sa.Text, nullable=False, server_default=""))
    op.add_column("template", sa.Column("retired", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_foreign_key(
        "template_base_fkey", "template", "template", ["base_name", "base_version"], ["name", "version"]
    )


def downgrade() -> None:
    op.drop_constraint("template_base_fkey", "template")
    for column in ("retired", "added_by", "base_digest", "base_version", "base_name"):
        op.drop_column("template", column)
