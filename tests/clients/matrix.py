"""Which client does what by which door, and the table of it in docs/clients.md. What is not listed here is not run."""

from typing import NamedTuple

# By which names a client reaches the server.
OWN, RUN = "own", "run"
BOTH = (OWN, RUN)

CLIENTS = {
    "MSAL Python": "PyPI `msal`",
    "azure-identity": "PyPI `azure-identity`",
    "msal-node": "npm `@azure/msal-node`",
    "@azure/identity": "npm `@azure/identity`",
    "azure_identity": "Cargo `azure_identity`",
    "curl": "curl",
    "urllib": "Python's `urllib`",
}

ROWS = {
    "secret": "client_credentials, secret",
    "certificate": "client_credentials, certificate",
    "federated": "client_credentials, federated credential",
    "variables": "client_credentials, from environment variables",
    "partner": "client_credentials in a customer's tenant",
    "code": "authorization_code with PKCE, public client",
    "people": "the same at `organizations`, a person of another tenant",
    "web": "authorization_code, confidential client, with consent",
    "browser": "authorization_code by the library's own browser and loopback",
    "refresh": "refresh_token, also for another API",
    "device": "device_code",
    "password": "password",
    "obo": "on-behalf-of",
    "refused": "refusals that the application is told",
}


class Case(NamedTuple):
    """One run of one client."""

    client: str
    row: str
    name: str
    doors: tuple = BOTH


CASES = [
    Case("MSAL Python", "secret", "secret"),
    Case("MSAL Python", "secret", "oidc", (OWN,)),
    Case("MSAL Python", "refused", "wrong-secret"),
    Case("MSAL Python", "refused", "refused"),
    Case("MSAL Python", "refused", "declined"),
    Case("MSAL Python", "certificate", "pfx"),
    Case("MSAL Python", "certificate", "pem"),
    Case("MSAL Python", "certificate", "thumbprint"),
    Case("MSAL Python", "federated", "assertion"),
    Case("MSAL Python", "federated", "assertion-asked"),
    Case("MSAL Python", "partner", "partner"),
    Case("MSAL Python", "code", "code"),
    Case("MSAL Python", "people", "organizations"),
    Case("MSAL Python", "web", "code-confidential"),
    Case("MSAL Python", "browser", "interactive"),
    Case("MSAL Python", "refresh", "refresh"),
    Case("MSAL Python", "device", "device"),
    Case("MSAL Python", "device", "example", (RUN,)),
    Case("MSAL Python", "password", "password", (RUN,)),
    Case("MSAL Python", "obo", "on-behalf-of"),
    Case("azure-identity", "secret", "secret"),
    Case("azure-identity", "secret", "demo"),
    Case("azure-identity", "secret", "async"),
    Case("azure-identity", "refused", "wrong-secret"),
    Case("azure-identity", "certificate", "certificate"),
    Case("azure-identity", "federated", "assertion"),
    Case("azure-identity", "federated", "workload"),
    Case("azure-identity", "variables", "environment"),
    Case("azure-identity", "variables", "default"),
    Case("azure-identity", "partner", "partner"),
    Case("azure-identity", "device", "device"),
    Case("azure-identity", "browser", "interactive"),
    Case("azure-identity", "password", "password", (RUN,)),
    Case("azure-identity", "web", "code"),
    Case("azure-identity", "obo", "on-behalf-of"),
    Case("msal-node", "secret", "secret"),
    Case("msal-node", "refused", "wrong-secret"),
    Case("msal-node", "certificate", "certificate"),
    Case("msal-node", "federated", "assertion"),
    Case("msal-node", "partner", "partner"),
    Case("msal-node", "code", "code"),
    Case("msal-node", "people", "organizations"),
    Case("msal-node", "web", "code-confidential"),
    Case("msal-node", "browser", "interactive"),
    Case("msal-node", "refresh", "refresh"),
    Case("msal-node", "device", "device"),
    Case("msal-node", "password", "password"),
    Case("msal-node", "obo", "on-behalf-of"),
    Case("@azure/identity", "secret", "secret"),
    Case("@azure/identity", "refused", "wrong-secret"),
    Case("@azure/identity", "certificate", "certificate"),
    Case("@azure/identity", "federated", "assertion"),
    Case("@azure/identity", "federated", "workload"),
    Case("@azure/identity", "variables", "environment"),
    Case("@azure/identity", "variables", "default"),
    Case("@azure/identity", "partner", "partner"),
    Case("@azure/identity", "device", "device"),
    Case("@azure/identity", "browser", "interactive"),
    Case("@azure/identity", "password", "password"),
    Case("@azure/identity", "web", "code"),
    Case("@azure/identity", "obo", "on-behalf-of"),
    Case("azure_identity", "secret", "secret"),
    Case("azure_identity", "refused", "wrong-secret"),
    Case("azure_identity", "certificate", "certificate"),
    Case("azure_identity", "federated", "assertion"),
    Case("azure_identity", "federated", "workload"),
    Case("azure_identity", "partner", "partner"),
    Case("curl", "secret", "v2"),
    Case("curl", "secret", "v1", (OWN,)),
    Case("curl", "secret", "basic", (OWN,)),
    Case("curl", "secret", "plain-http", (OWN,)),
    Case("curl", "refused", "wrong-secret", (OWN,)),
    Case("curl", "device", "device", (OWN,)),
    Case("curl", "refresh", "refresh", (OWN,)),
    Case("urllib", "secret", "example", (RUN,)),
]

HEAD = """# Clients that are run

<!-- Made by `tests/clients/run.py --table`; do not edit. -->

Each change is tested with these libraries as their registries have them, unmodified and pinned, against a server with the demo's data:
`own` by the server's own origin, `run` with Microsoft's hosts below `bartizan run`. With its token each calls an API (incidents, a hunt, `/me`),
and the roles or scopes in the token are compared with what was granted. People's sign-ins go through the pages: forms are sent as a browser
sends them; [a browser itself](../tests/browser/pages.mjs) goes through the same pages beside that.

"""

TAIL = """
An empty cell was not run. Mostly the library has no such credential; beyond that:

- MSAL Python and azure-identity for Python ask for the user realm at the authority's name without its port. By the own origin their
  password grant works where the server listens on 443.
- `ClientCertificateCredential` of the Rust crate is behind a feature of its own and signs with OpenSSL, which the server and its client do
  without: the suite's program alone is built with it. Where its headers are missing, `run.py` says that these two cases were not run.
- azure-identity refreshes by itself; `device` and the rest get tokens of two APIs from one sign-in, the second one by its refresh token.
- Node.js follows proxy variables for its own `fetch`, which msal-node uses, from version 24 on; `bartizan run` sets `NODE_USE_ENV_PROXY` for it.
- By the own origin MSAL Python is told `instance_discovery=False` and azure-identity `disable_instance_discovery=True`: they ask Microsoft
  about an authority that they do not know.

`run.py` in [tests/clients](../tests/clients/run.py) starts all of it, and says at its head how.
"""


def table():
    """The document."""
    doors = {}
    for case in CASES:
        seen = doors.setdefault((case.client, case.row), [])
        seen.extend(door for door in case.doors if door not in seen)
    head = ["grant", *CLIENTS.values()]
    lines = ["| %s |" % " | ".join(head), "| --- |%s" % (" --- |" * len(CLIENTS))]
    for row, text in ROWS.items():
        cells = [", ".join(sorted(doors.get((client, row), []))) for client in CLIENTS]
        lines.append("| %s |" % " | ".join([text, *cells]))
    return HEAD + "\n".join(lines) + "\n" + TAIL
