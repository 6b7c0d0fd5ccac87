"""The lab's certificate authority. It stays the same from one `up` to the next, so that a client which
trusts it once keeps trusting it."""

from dataclasses import dataclass
from pathlib import Path

from lab.layout import DIR1, DOMAIN, MAIL_HOST, NODE1, home
from lab.run import run

_DAY = 86400
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """A server certificate and whom it speaks for."""

    name: str
    dns: tuple[str, ...]
    address: str

    @property
    def pem(self) -> Path:
        """The certificate."""
        return folder() / f"{self.name}.pem"

    @property
    def key(self) -> Path:
        """Its private key."""
        return folder() / f"{self.name}.key"


MAIL = Certificate(
    "mail",
    (MAIL_HOST, NODE1.host, f"autoconfig.{DOMAIN}", f"autodiscover.{DOMAIN}"),
    NODE1.address,
)
PANEL = Certificate("panel", (NODE1.host, MAIL_HOST), NODE1.address)
DIRECTORY = Certificate("dir1", (DIR1.host,), DIR1.address)


def folder() -> Path:
    """Where keys and certificates are kept."""
    return home() / "authority"


def ca_pem() -> Path:
    """The authority's own certificate, for everyone to trust."""
    return folder() / "ca.pem"


def ensure() -> None:
    """Make the authority and its certificates where one is absent, or about to expire, or names others."""
    folder().mkdir(parents=True, exist_ok=True)
    folder().chmod(0o700)
    new_authority = not _lasting(ca_pem())
    if new_authority:
        _make_authority()
    for certificate in (MAIL, PANEL, DIRECTORY):
        names = folder() / f"{certificate.name}.ext"
        same_names = names.exists() and names.read_text() == _extensions(certificate)
        if new_authority or not same_names or not _lasting(certificate.pem):
            _issue(certificate)


def _lasting(pem: Path) -> bool:
    if not pem.exists():
        return False
    return (
        run(
            _openssl("x509", "-checkend", str(7 * _DAY), "-noout", "-in", str(pem)), timeout=10, check=False
        ).returncode
        == 0
    )


def _make_authority() -> None:
    key = folder() / "ca.key"
    run(
        _openssl(
            "req", "-x509", *_NEW_KEY, "-keyout", str(key), "-out", str(ca_pem()), "-days", "3650",
            "-subj", "/O=RuPost lab/CN=RuPost lab CA",
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        ),
        timeout=30,
    )  # fmt: skip


def _issue(certificate: Certificate) -> None:
    request, names = (folder() / f"{certificate.name}.{kind}" for kind in ("csr", "ext"))
    names.unlink(missing_ok=True)  # written last: its presence says that the certificate is complete
    text = _extensions(certificate)
    pending = folder() / f"{certificate.name}.ext.new"
    pending.write_text(text)
    subject = f"/O=RuPost lab/CN={certificate.dns[0]}"
    run(
        _openssl("req", *_NEW_KEY, "-keyout", str(certificate.key), "-out", str(request), "-subj", subject),
        timeout=30,
    )
    run(
        _openssl(
            "x509", "-req", "-in", str(request), "-out", str(certificate.pem), "-days", "800", "-sha256",
            "-CA", str(ca_pem()), "-CAkey", str(folder() / "ca.key"), "-CAcreateserial",
            "-extfile", str(pending),
        ),
        timeout=30,
    )  # fmt: skip
    request.unlink()
    pending.rename(names)


def _extensions(certificate: Certificate) -> str:
    names = ",".join([*(f"DNS:{name}" for name in certificate.dns), f"IP:{certificate.address}"])
    return (
        f"subjectAltName={names}\n"
        "basicConstraints=critical,CA:FALSE\n"
        "keyUsage=critical,digitalSignature\n"
        "extendedKeyUsage=serverAuth\n"
        "subjectKeyIdentifier=hash\n"
        "authorityKeyIdentifier=keyid\n"
    )


def _openssl(*words: str) -> list[str]:
    return ["openssl", *words]
