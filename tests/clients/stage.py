"""What the clients find: applications of each kind, a person, a certificate, workloads' tokens, and a customer's tenant.

All of it is made through the doors that anybody has: Microsoft Graph's calls as the operator, the consent link in a
browser, and `bartizan ingest`. The result is one private file, whose path is in `BARTIZAN_TEST_STAGE`.
"""

import base64
import json
import secrets
import time
import tomllib

import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

import issuer as issuers
from suite import Failed
from visitor import Visitor

GRAPH = "https://graph.microsoft.com"
XDR_APP = "8ee8fdad-f234-4243-8f3b-15c294843740"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
SECURITY_READER = "5d6b6bb7-de71-4623-b4af-96380a352509"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
SITE = "https://app.example/callback"
# The issuer whose keys are kept with the credential: nobody answers there.
UNREACHABLE = "https://builds.example"
WORKLOAD = "repo:contoso/hunts:ref:refs/heads/main"
# The one device of the customer.
DEVICE = "customer-laptop"


class Directory:
    """Graph's calls as the operator, in one tenant."""

    def __init__(self, environment, operator, tenant):
        self.own, self.tenant = environment["BARTIZAN_URL"], tenant
        self.session = requests.Session()
        self.session.verify = environment["BARTIZAN_CA"]
        self.session.trust_env = False
        form = {
            "grant_type": "client_credentials", "scope": GRAPH + "/.default",
            "client_id": operator["client-id"], "client_secret": operator["client-secret"],
        }
        token = self.session.post("%s/%s/oauth2/v2.0/token" % (self.own, tenant), data=form, timeout=30).json()
        if "access_token" not in token:
            raise Failed("no token for the operator: %s" % token)
        self.session.headers["Authorization"] = "Bearer " + token["access_token"]
        self.principals = {}

    def call(self, method, path, body=None):
        """One call; its answer's JSON."""
        answer = self.session.request(method, self.own + "/v1.0" + path, json=body, timeout=30)
        if answer.status_code >= 400:
            raise Failed("%s %s: %d %s" % (method, path, answer.status_code, answer.text[:300]))
        return answer.json() if answer.content else {}

    def principal(self, app):
        """The service principal of an application."""
        if app not in self.principals:
            self.principals[app] = self.call("GET", "/servicePrincipals(appId='%s')" % app)
        return self.principals[app]

    def application(self, name, **more):
        """Registers an application, with its service principal; gives its two ids."""
        made = self.call("POST", "/applications", {"displayName": name, **more})
        self.principals[made["appId"]] = self.call("POST", "/servicePrincipals", {"appId": made["appId"]})
        return {"id": made["appId"], "object": made["id"]}

    def secret(self, app):
        """A new secret of an application."""
        return self.call("POST", "/applications/%s/addPassword" % app["object"], {})["secretText"]

    def role(self, resource, name):
        """The id of an app role."""
        return next(role["id"] for role in self.principal(resource)["appRoles"] if role["value"] == name)

    def grant_role(self, app, resource, name):
        """Grants an app role."""
        client, target = self.principal(app["id"])["id"], self.principal(resource)["id"]
        body = {"principalId": client, "resourceId": target, "appRoleId": self.role(resource, name)}
        self.call("POST", "/servicePrincipals/%s/appRoleAssignments" % client, body)

    def grant_scope(self, app, resource, scope):
        """Grants scopes for everybody."""
        body = {
            "clientId": self.principal(app["id"])["id"], "consentType": "AllPrincipals",
            "resourceId": self.principal(resource)["id"], "scope": scope,
        }
        self.call("POST", "/oauth2PermissionGrants", body)

    def person(self, name, role):
        """A person with a directory role."""
        domains = self.call("GET", "/organization")["value"][0]["verifiedDomains"]
        domain = next(d["name"] for d in domains if d["isDefault"])
        user = {"name": "%s@%s" % (name, domain), "password": secrets.token_urlsafe(18), "display": name.title()}
        made = self.call("POST", "/users", {
            "displayName": user["display"], "mailNickname": name, "userPrincipalName": user["name"],
            "accountEnabled": True,
            "passwordProfile": {"password": user["password"], "forceChangePasswordNextSignIn": False},
        })
        assignment = {"principalId": made["id"], "roleDefinitionId": role, "directoryScopeId": "/"}
        self.call("POST", "/roleManagement/directory/roleAssignments", assignment)
        return {**user, "id": made["id"]}


def certificate_files(folder):
    """A daemon's key and certificate in every shape that the libraries read."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    made = issuers.certificate("Client suite's daemon", key)
    pem = made.public_bytes(serialization.Encoding.PEM)
    password = secrets.token_urlsafe(12)
    protected = serialization.BestAvailableEncryption(password.encode())
    files = {
        "certificate": (folder / "daemon.cer", pem),
        "key": (folder / "daemon.key", issuers.pem_of(key)),
        "pem": (folder / "daemon.pem", issuers.pem_of(key) + pem),
        "pfx": (folder / "daemon.pfx", pkcs12.serialize_key_and_certificates(b"daemon", key, made, None, protected)),
        "protected": (folder / "daemon-protected.pem", key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protected)),
    }
    for path, data in files.values():
        issuers.write_private(path, data)
    return {
        **{name: str(path) for name, (path, _) in files.items()},
        "password": password,
        "sha1": made.fingerprint(hashes.SHA1()).hex(),
        "sha256": made.fingerprint(hashes.SHA256()).hex(),
        "der": base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode(),
    }


def daemon(directory, certificate, issuer, folder):
    """An application in its own name: a secret, a certificate, two federated credentials."""
    app = directory.application("Client suite: daemon")
    roles = [(XDR_APP, "Incident.Read.All"), (XDR_APP, "AdvancedHunting.Read.All"), (GRAPH_APP, "ThreatHunting.Read.All")]
    for resource, name in roles:
        directory.grant_role(app, resource, name)
    path = "/applications/" + app["object"]
    key = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": certificate["der"]}
    directory.call("PATCH", path, {"keyCredentials": [key]})
    for name, url, more in [
        ("kept", UNREACHABLE, {"bartizanKeySet": issuer.keys()}),
        ("asked", issuer.url, {}),
    ]:
        body = {"name": name, "issuer": url, "subject": WORKLOAD, "audiences": [issuers.AUDIENCE], **more}
        directory.call("POST", path + "/federatedIdentityCredentials", body)
    # In files, as a cluster mounts them.
    tokens = {
        "kept": issuer.token(WORKLOAD, UNREACHABLE), "asked": issuer.token(WORKLOAD), "stranger": issuer.token("repo:else"),
    }
    for name, token in tokens.items():
        issuers.write_private(folder / (name + ".jwt"), token.encode())
    return {
        "id": app["id"], "secret": directory.secret(app),
        "roles": sorted(name for resource, name in roles if resource == XDR_APP),
        "tokens": {name: str(folder / (name + ".jwt")) for name in tokens},
    }


def customer(suite, operator, home, folder):
    """A partner's application, and a tenant whose administrator consents to it by the documented link."""
    needs = [{"id": home.role(XDR_APP, name), "type": "Role"} for name in ("Incident.Read.All", "AdvancedHunting.Read.All")]
    app = home.application(
        "Client suite: partner", signInAudience="AzureADMultipleOrgs", web={"redirectUris": [SITE]},
        requiredResourceAccess=[{"resourceAppId": XDR_APP, "resourceAccess": needs}],
    )
    secret = home.secret(app)
    for name in ("Incident.Read.All", "AdvancedHunting.Read.All"):
        home.grant_role(app, XDR_APP, name)
    command = [suite.bartizan, "tenant", "create", "Customer", "--domain", "customer.onmicrosoft.com"]
    made = json.loads(suite.run(*command, "--data", str(suite.data)))
    directory = Directory(suite.environment, operator, made["id"])
    boss = directory.person("boss", GLOBAL_ADMINISTRATOR)
    row = {"Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "DeviceName": DEVICE, "FileName": "a.exe"}
    rows = folder / "customer.ndjson"
    rows.write_text(json.dumps(row) + "\n")
    suite.run(
        suite.bartizan, "ingest", "--data", str(suite.data), "--tenant", made["id"],
        "--table", "DeviceProcessEvents", str(rows),
    )
    link = "/common/oauth2/authorize?prompt=consent&client_id=%s&response_type=code&sso_reload=true" % app["id"]
    visitor = Visitor(boss["name"], boss["password"])
    visitor.session.verify, visitor.session.trust_env = suite.environment["BARTIZAN_CA"], False
    answer = visitor.visit(suite.environment["BARTIZAN_URL"] + link)
    if "code" not in answer.get("parameters", {}):
        raise Failed("the customer's consent: %s, %s" % (visitor.seen, answer))
    return {"id": app["id"], "secret": secret, "customer": made["id"], "device": DEVICE, "person": boss}


def build(suite, issuer, folder):
    """Makes everything; gives the path of the file that tells it."""
    environment = suite.environment
    operator = tomllib.loads((suite.data / "admin.toml").read_text())
    home = Directory(environment, operator, environment["BARTIZAN_TENANT_ID"])
    certificate = certificate_files(folder)
    middle = home.application(
        "Client suite: API", identifierUris=["api://client-suite"],
        api={"oauth2PermissionScopes": [{
            "id": "6a9fd04c-83dd-4f7a-8f35-6b2a1c7a9d11", "value": "access", "type": "User", "isEnabled": True,
            "adminConsentDisplayName": "Use the suite's API", "adminConsentDescription": "Use the suite's API",
            "userConsentDisplayName": "Use the suite's API", "userConsentDescription": "Use the suite's API",
        }]},
    )
    home.grant_scope(middle, XDR_APP, "Incident.Read")
    home.grant_scope(middle, GRAPH_APP, "User.Read")
    key = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": certificate["der"]}
    home.call("PATCH", "/applications/" + middle["object"], {"keyCredentials": [key]})
    desktop = home.application(
        "Client suite: desktop", isFallbackPublicClient=True, signInAudience="AzureADMultipleOrgs",
        publicClient={"redirectUris": ["http://localhost", environment["BARTIZAN_URL"] + "/common/oauth2/nativeclient"]},
    )
    home.grant_scope(desktop, XDR_APP, "Incident.Read AdvancedHunting.Read")
    home.grant_scope(desktop, GRAPH_APP, "openid profile offline_access User.Read")
    home.grant_scope(desktop, middle["id"], "access")
    # Nobody consented to this one: a person is asked.
    site = home.application("Client suite: web site", web={"redirectUris": [SITE]})
    stage = {
        "user": home.person("ada", SECURITY_READER),
        "certificate": certificate,
        "daemon": daemon(home, certificate, issuer, folder),
        "desktop": {"id": desktop["id"]},
        "site": {"id": site["id"], "secret": home.secret(site), "redirect": SITE},
        "middle": {"id": middle["id"], "secret": home.secret(middle), "scope": "api://client-suite/access"},
        "partner": customer(suite, operator, home, folder),
    }
    path = folder / "stage.json"
    issuers.write_private(path, json.dumps(stage).encode())
    return path
