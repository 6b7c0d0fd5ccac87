"""Files of trusted certificate authorities, which daemons open only when they first connect."""

from __future__ import annotations

import ssl
from pathlib import Path

from rupost_core.i18n import translate as _


def authorities_trouble(path: Path) -> str:
    """Why OpenSSL cannot trust the certificates of the file, or ""."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:
        return _("the file holds no certificate of an authority: {reason}", reason=error.strerror or error)
    return ""
