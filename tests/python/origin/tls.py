"""A certificate authority of the tests' own, for loopback addresses."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path


class Authority:
    """Signs for 127.0.0.1 and localhost (or the names given); `ca_file` is what a client has to trust."""

    def __init__(self, directory: Path, *names: str) -> None:
        self._authority = trustme.CA()
        self._certificate = self._authority.issue_cert(*(names or ("127.0.0.1", "localhost")))
        self.ca_file = directory / "authority.pem"
        self.certificate_file = directory / "server.pem"
        self.key_file = directory / "server.key"
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self._certificate.private_key_pem.write_to_path(str(self.key_file))
        chain = b"".join(blob.bytes() for blob in self._certificate.cert_chain_pems)
        self.certificate_file.write_bytes(chain)

    def server_context(self) -> ssl.SSLContext:
        """What a listener needs."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._certificate.configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """What the standard library's client needs."""
        return ssl.create_default_context(cafile=str(self.ca_file))
