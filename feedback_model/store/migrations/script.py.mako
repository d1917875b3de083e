"""${message}."""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Move up from ${down_revision}."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Move back to ${down_revision}."""
    ${downgrades if downgrades else "pass"}
