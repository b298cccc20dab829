"""A certificate for one run: a client that trusts its authority takes this simulator for Binance."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptobot.core.errors import ConfigError

# The hosts that programs for Binance's spot market talk to.
HOSTS: Final = (
    "api.binance.com",
    "api-gcp.binance.com",
    *(f"api{number}.binance.com" for number in range(1, 5)),
    "data-api.binance.vision",
    "stream.binance.com",
    "data-stream.binance.vision",
    "ws-api.binance.com",
    "testnet.binance.vision",
    "api.testnet.binance.vision",
    "stream.testnet.binance.vision",
    "ws-api.testnet.binance.vision",
    "demo-api.binance.com",
    "demo-stream.binance.com",
    "demo-ws-api.binance.com",
    "localhost",
)
_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the certificates of a run are.

    Attributes
    ----------
    authority
        What a client must trust (PEM); made for this run, its key is thrown away.
    certificate, key
        The server's own (PEM).
    hosts
        The names that it answers to, besides 127.0.0.1.
    """

    authority: Path
    certificate: Path
    key: Path
    hosts: tuple[str, ...] = HOSTS

    def server_context(self) -> ssl.SSLContext:
        """Return what the server speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return what a client checks the server with: it trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.authority))


def make_certificate(folder: Path) -> TlsFiles:
    """Make an authority and a server's certificate that are good for two days.

    Parameters
    ----------
    folder
        Where to; it should be readable by its owner only.

    Raises
    ------
    ConfigError
        If the package that makes certificates is not installed.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as error:
        raise ConfigError(
            "tls: the package `cryptography` is not installed. Install the extra: pip install 'cryptobot[live]'."
        ) from error
    now = dt.datetime.now(dt.UTC)

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def begin(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=_DAYS))
        )

    root_name = "cryptobot simulator, this run only"
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    root = (
        begin(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in HOSTS]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        begin("cryptobot simulator", root_name, key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    files = TlsFiles(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    files.authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
