"""Certificates are chosen, requested and ordered: which one serves, kept keys, ACME accounts and orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0006"
down_revision = "0004"

_NOW = sa.text("now()")


def _text(name: str, server_default: str | None = None) -> "sa.Column[object]":
    return sa.Column(name, sa.Text, nullable=False, server_default=server_default)


def _time(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=False, server_default=_NOW)


def upgrade() -> None:
    op.add_column("certificate", _text("source", server_default="added"))
    op.add_column("certificate", _time("used_since"))
    op.add_column("certificate", _text("anchor_pem", server_default=""))
    # Until now the newest one served, and a built-in one only where there was no other.
    op.execute("UPDATE certificate SET used_since = CASE WHEN builtin THEN 'epoch' ELSE added_at END")
    op.execute("UPDATE certificate SET source = 'builtin' WHERE builtin")
    op.create_table(
        "certificate_request",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("names", ARRAY(sa.Text), nullable=False),
        _text("request_pem"),
        sa.Column("key_sealed", sa.LargeBinary, nullable=False),
        _text("added_by"),
        _time("added_at"),
    )
    op.create_table(
        "acme_account",
        sa.Column("directory_url", sa.Text, primary_key=True),
        _text("account_url"),
        sa.Column("contacts", ARRAY(sa.Text), nullable=False),
        _text("ca_pem"),
        sa.Column("key_sealed", sa.LargeBinary, nullable=False),
        _text("added_by"),
        _time("added_at"),
    )
    op.create_table(
        "acme_order",
        sa.Column("certificate", sa.Text, sa.ForeignKey("certificate.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("directory_url", sa.Text, sa.ForeignKey("acme_account.directory_url"), nullable=False),
        sa.Column("names", ARRAY(sa.Text), nullable=False),
        _text("key_kind"),
        sa.Column("tried_at", sa.TIMESTAMP(timezone=True)),
        _text("failure", server_default=""),
    )


def downgrade() -> None:
    op.drop_table("acme_order")
    op.drop_table("acme_account")
    op.drop_table("certificate_request")
    for name in ("anchor_pem", "used_since", "source"):
        op.drop_column("certificate", name)
