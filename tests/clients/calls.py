"""What every Python client does with its token: calls of the served APIs, and a look at the claims."""

import base64
import json
import os
import pathlib
import sys

import requests

from visitor import visit

HERE = pathlib.Path(__file__).resolve().parent
STAGE = json.loads(pathlib.Path(os.environ["BARTIZAN_TEST_STAGE"]).read_text())
TENANT = os.environ["BARTIZAN_TENANT_ID"]
OWN = os.environ["BARTIZAN_URL"]
CLOUD = "https://login.microsoftonline.com"
XDR = "https://api.security.microsoft.com"
MDE = "https://api.securitycenter.microsoft.com"
GRAPH = "https://graph.microsoft.com"
HUNT = "DeviceProcessEvents | summarize n = count()"


class Door:
    """By which names a client reaches the server: `own`, its own origin, or `run`, Microsoft's below `bartizan run`."""

    def __init__(self, name):
        assert name in ("own", "run"), name
        self.own = name == "own"
        self.login = OWN if self.own else CLOUD

    def base(self, api):
        """Where an API is."""
        return OWN if self.own else api


def claims(token):
    """The payload of a token, unverified."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def get(door, api, path, token):
    """A call; the answer's JSON."""
    answer = requests.get(door.base(api) + path, headers={"Authorization": "Bearer " + token}, timeout=30)
    assert answer.status_code == 200, "%s: %d %s" % (path, answer.status_code, answer.text[:300])
    return answer.json()


def incidents(door, token):
    """Lists incidents of Defender XDR; there must be some."""
    found = get(door, XDR, "/api/incidents", token)["value"]
    assert found, "no incident"
    return "%d incidents" % len(found)


def hunt(door, api, token, query=HUNT, slash=""):
    """Runs a query over the wire of an API; its rows."""
    path, field = {
        XDR: ("/api/advancedhunting/run", "Results"),
        MDE: ("/api/advancedqueries/run", "Results"),
        GRAPH: ("/v1.0/security/runHuntingQuery", "results"),
    }[api]
    answer = requests.post(
        door.base(api) + slash + path, headers={"Authorization": "Bearer " + token}, json={"Query": query}, timeout=60
    )
    assert answer.status_code == 200, "%s: %d %s" % (path, answer.status_code, answer.text[:300])
    return answer.json()[field]


def counted(door, api, token, slash=""):
    """Hunts for the number of process events; there must be some."""
    rows = hunt(door, api, token, slash=slash)[0]["n"]
    assert rows > 0, "no row"
    return "%d rows" % rows


def as_daemon(door, token, proof):
    """An application's token of the daemon: its roles, how it proved itself, and that it opens incidents."""
    said = claims(token)
    daemon = STAGE["daemon"]
    assert (said["tid"], said["appid"], said["appidacr"]) == (TENANT, daemon["id"], proof), said
    assert sorted(said["roles"]) == daemon["roles"] and "scp" not in said, said
    return incidents(door, token)


def as_user(door, token, client):
    """A person's token for Defender XDR: scopes, no roles, the person, and that it opens incidents."""
    said = claims(token)
    assert "Incident.Read" in said["scp"].split() and "roles" not in said, said
    assert (said["tid"], said["appid"]) == (TENANT, client), said
    assert (said["oid"], said["upn"]) == (STAGE["user"]["id"], STAGE["user"]["name"]), said
    return incidents(door, token)


def me(door, token):
    """Who Graph says the person is."""
    found = get(door, GRAPH, "/v1.0/me", token)
    assert found["userPrincipalName"] == STAGE["user"]["name"], found
    return "me"


def as_partner(door, token):
    """A partner's token in the customer's tenant: the customer's data, and nothing else."""
    said, partner = claims(token), STAGE["partner"]
    assert (said["tid"], said["appid"]) == (partner["customer"], partner["id"]), said
    rows = hunt(door, XDR, token, "DeviceProcessEvents | distinct DeviceName")
    assert [row["DeviceName"] for row in rows] == [partner["device"]], rows
    assert get(door, XDR, "/api/incidents", token)["value"] == [], "incidents of another tenant"
    return "the customer's device alone"


def front_token():
    """A token for the API in the middle, as its caller has one (by a plain request: no library is tried here)."""
    user = STAGE["user"]
    form = {
        "grant_type": "password", "client_id": STAGE["desktop"]["id"], "scope": STAGE["middle"]["scope"],
        "username": user["name"], "password": user["password"],
    }
    url = "%s/%s/oauth2/v2.0/token" % (OWN, TENANT)
    answer = requests.post(url, data=form, timeout=30, verify=os.environ["BARTIZAN_CA"]).json()
    return answer["access_token"]


def browser():
    """Makes `webbrowser` start the visitor, as a person's setting of `BROWSER` would start a browser."""
    os.environ["BROWSER"] = "%s %s %%s &" % (sys.executable, HERE / "visitor.py")


def type_code(url, code):
    """A person types a device's code."""
    answer = visit(url, code=code)
    assert answer["to"] is None and "signed in" in answer["heading"], answer


def main(cases):
    """Runs the case that the command line names, by the door that it names."""
    print(", ".join(cases[sys.argv[1]](Door(sys.argv[2]))))
