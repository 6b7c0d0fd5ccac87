"""The foundation: key, access, certificates, templates, generations, directories, mail, and the daemons' views."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None

_NOW = sa.text("now()")


def _stamp(name: str = "created_at") -> "sa.Column[object]":
    return sa.Column(name, sa.TIMESTAMP(timezone=True), nullable=False, server_default=_NOW)


def upgrade() -> None:
    op.create_table(
        "cluster_key",
        sa.Column("id", sa.SmallInteger, primary_key=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        _stamp(),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        _stamp("at"),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("face", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, server_default=""),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_journal_at", "journal", ["at"])
    op.create_table(
        "node",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        _stamp("registered_at"),
        _stamp("seen_at"),
    )
    op.create_table(
        "certificate",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("names", ARRAY(sa.Text), nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("not_before", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("not_after", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("chain_pem", sa.Text, nullable=False),
        sa.Column("key_sealed", sa.LargeBinary, nullable=False),
        sa.Column("builtin", sa.Boolean, nullable=False),
        sa.Column("added_by", sa.Text, nullable=False),
        _stamp("added_at"),
    )
    op.create_table(
        "dhparam",
        sa.Column("id", sa.SmallInteger, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("bits", sa.Integer, nullable=False),
        sa.Column("pem", sa.Text, nullable=False),
        _stamp("added_at"),
    )
    op.create_table(
        "template",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("edition", sa.Text, nullable=False),
        sa.Column("files", JSONB, nullable=False),
        _stamp("loaded_at"),
    )
    op.create_table(
        "generation",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("template_name", sa.Text, nullable=False),
        sa.Column("template_version", sa.Text, nullable=False),
        sa.Column("parameters_sealed", sa.LargeBinary, nullable=False),
        sa.Column("based_on", sa.Integer),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _stamp(),
        sa.ForeignKeyConstraint(["template_name", "template_version"], ["template.name", "template.version"]),
    )
    op.create_table(
        "generation_file",
        sa.Column("generation", sa.Integer, sa.ForeignKey("generation.number"), primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("group", sa.Text, nullable=False),
        sa.Column("mode", sa.Integer, nullable=False),
        sa.Column("secret", sa.Boolean, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("generation", sa.Integer, sa.ForeignKey("generation.number"), nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False, server_default=""),
        sa.Column("author", sa.Text, nullable=False),
        _stamp("started_at"),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True)),
    )
    op.create_table(
        "directory",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("urls", ARRAY(sa.Text), nullable=False),
        sa.Column("starttls", sa.Boolean, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("bind_dn", sa.Text, nullable=False),
        sa.Column("bind_password_sealed", sa.LargeBinary, nullable=False),
        sa.Column("ca_pem", sa.Text, nullable=False),
        _stamp(),
    )
    op.create_table(
        "domain",
        sa.Column("name", sa.Text, primary_key=True),
        _stamp(),
    )
    op.create_table(
        "mailbox",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("domain", sa.Text, sa.ForeignKey("domain.name"), nullable=False),
        sa.Column("directory", sa.Text, sa.ForeignKey("directory.name"), nullable=False),
        sa.Column("entry_key", sa.Text, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("home", sa.Text, nullable=False, unique=True),
        sa.Column("quota_bytes", sa.BigInteger, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
        _stamp(),
        sa.UniqueConstraint("directory", "entry_key"),
    )
    op.create_index("ix_mailbox_domain", "mailbox", ["domain"])
    op.create_table(
        "address",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column(
            "mailbox",
            sa.Text,
            sa.ForeignKey("mailbox.address", ondelete="CASCADE", onupdate="CASCADE"),
            nullable=False,
            index=True,
        ),
    )
    _daemon_views()


def _daemon_views() -> None:
    """What Postfix and Dovecot read. Templates name these views only, so that tables may change under them."""
    op.execute("CREATE SCHEMA lookup")
    op.execute("CREATE VIEW lookup.domain AS SELECT name FROM domain")
    op.execute("CREATE VIEW lookup.mailbox AS SELECT address, home, quota_bytes FROM mailbox WHERE active")
    # `address` holds every address, each mailbox's own among them: no two people can share one.
    op.execute(
        "CREATE VIEW lookup.alias AS SELECT a.address, a.mailbox FROM address a "
        "JOIN mailbox m ON m.address = a.mailbox WHERE m.active AND a.address <> a.mailbox"
    )
    op.execute(
        "CREATE VIEW lookup.sender AS SELECT a.address, a.mailbox AS login FROM address a "
        "JOIN mailbox m ON m.address = a.mailbox WHERE m.active"
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead: going back would drop mailboxes")
