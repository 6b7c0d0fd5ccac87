"""The one MetaData that every `store.py` declares its tables on, per database."""

from __future__ import annotations

from sqlalchemy import MetaData

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# `rupost`: what the system is. `rupost_logs`: what happened. `rupost_data` holds SOGo's own tables, which SOGo makes.
MAIN = MetaData(naming_convention=_NAMING)
LOGS = MetaData(naming_convention=_NAMING)
