"""An issuer of its own, as a build service or a cluster has one: discovery document and keys over HTTPS on loopback."""

import datetime
import http.server
import json
import ssl
import threading
import time

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

AUDIENCE = "api://AzureADTokenExchange"


def write_private(path, data):
    """Writes a file that nobody else may read."""
    path.touch(mode=0o600)
    path.write_bytes(data)


def certificate(name, key, signer=None, authority=False, names=()):
    """A certificate of `key`, by `signer` (a certificate and its key) or by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, with_key = (signer[0].subject, signer[1]) if signer else (subject, key)
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=10))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    return builder.sign(with_key, hashes.SHA256())


def pem_of(key):
    """The private key as PEM, without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Issuer:
    """Signs tokens for workloads, and publishes its key."""

    def __init__(self, folder):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = "workloads"
        root = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        authority = certificate("Client suite's authority", root, authority=True)
        own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        leaf = certificate("localhost", own, signer=(authority, root), names=["localhost"])
        self.ca = folder / "issuer-ca.pem"
        self.ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        chain = folder / "issuer.pem"
        write_private(chain, leaf.public_bytes(serialization.Encoding.PEM) + pem_of(own))
        self.asked = []
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                documents = {"/.well-known/openid-configuration": issuer.discovery, "/keys": issuer.keys}
                document = documents.get(self.path)
                body = json.dumps(document()).encode() if document else b"{}"
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.host = "localhost:%d" % self.server.server_address[1]
        self.url = "https://" + self.host
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def discovery(self):
        """The discovery document, as far as anybody reads it here."""
        return {"issuer": self.url, "jwks_uri": self.url + "/keys"}

    def keys(self):
        """The key set."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{"kty": "RSA", "kid": self.kid, "use": "sig", "n": public["n"], "e": public["e"]}]}

    def token(self, subject, issuer=None):
        """A token of a workload."""
        now = int(time.time())
        claims = {"iss": issuer or self.url, "sub": subject, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + 3600}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid})

    def stop(self):
        """Ends it."""
        self.server.shutdown()
        self.server.server_close()
