"""Python clients of the authorization server, as their documentation shows them; `run.py` runs one case at a time.

Cases ending in `-cloud` name Microsoft's hosts and know nothing of a local server: they run below `bartizan run`.
The others are pointed at the server's own origin with the switches that the libraries have for that.
"""

import asyncio
import base64
import json
import os
import sys

import requests

TENANT = os.environ["BARTIZAN_TENANT_ID"]
CLIENT = os.environ["BARTIZAN_CLIENT_ID"]
SECRET = os.environ["BARTIZAN_CLIENT_SECRET"]
OWN = os.environ["BARTIZAN_URL"]
CLOUD = "https://login.microsoftonline.com"
XDR = "https://api.security.microsoft.com"
MDE = "https://api.securitycenter.microsoft.com"
GRAPH = "https://graph.microsoft.com"
HUNT = "DeviceProcessEvents | summarize n = count()"


def claims(token):
    """The payload of a token, unverified."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def incidents(token, base):
    """Lists incidents of Defender XDR; there must be some."""
    answer = requests.get(base + "/api/incidents", headers={"Authorization": "Bearer " + token}, timeout=30)
    answer.raise_for_status()
    found = answer.json()["value"]
    assert found, "no incident"
    return "%d incidents" % len(found)


def hunt_xdr(token, base):
    """Runs a query over the wire of Defender XDR."""
    answer = requests.post(
        base + "/api/advancedhunting/run",
        headers={"Authorization": "Bearer " + token},
        json={"Query": HUNT},
        timeout=60,
    )
    answer.raise_for_status()
    rows = answer.json()["Results"][0]["n"]
    assert rows > 0, "no row"
    return "%d rows by XDR" % rows


def hunt_mde(token, base):
    """Runs a query over the wire of Defender for Endpoint."""
    answer = requests.post(
        base + "/api/advancedqueries/run",
        headers={"Authorization": "Bearer " + token},
        json={"Query": HUNT},
        timeout=60,
    )
    answer.raise_for_status()
    rows = answer.json()["Results"][0]["n"]
    assert rows > 0, "no row"
    return "%d rows by MDE" % rows


def hunt_graph(token, base):
    """Runs a query over the wire of Microsoft Graph."""
    answer = requests.post(
        base + "/v1.0/security/runHuntingQuery",
        headers={"Authorization": "Bearer " + token},
        json={"Query": HUNT},
        timeout=60,
    )
    answer.raise_for_status()
    rows = answer.json()["results"][0]["n"]
    assert rows > 0, "no row"
    return "%d rows by Graph" % rows


def msal_token(authority, resource, secret=SECRET, **options):
    """A token by MSAL's confidential client, or its answer when there is none."""
    import msal

    app = msal.ConfidentialClientApplication(
        CLIENT, client_credential=secret, authority="%s/%s" % (authority, TENANT), **options
    )
    answer = app.acquire_token_for_client([resource + "/.default"])
    if "access_token" not in answer:
        return None, answer
    again = app.acquire_token_for_client([resource + "/.default"])
    assert again["access_token"] == answer["access_token"], "the second call must come from MSAL's cache"
    assert claims(answer["access_token"])["tid"] == TENANT
    return answer["access_token"], answer


def must(token, answer):
    """The token, or the reason why there is none."""
    assert token, "no token: %s" % answer
    return token


def msal_own():
    token = must(*msal_token(OWN, XDR, instance_discovery=False))
    return incidents(token, OWN), hunt_xdr(token, OWN)


def msal_oidc():
    import msal

    app = msal.ConfidentialClientApplication(
        CLIENT, client_credential=SECRET, oidc_authority="%s/%s/v2.0" % (OWN, TENANT)
    )
    answer = app.acquire_token_for_client([GRAPH + "/.default"])
    return (hunt_graph(must(answer.get("access_token"), answer), OWN),)


def msal_cloud():
    # Instance discovery stays on: it goes to login.microsoftonline.com, which the proxy answers.
    token = must(*msal_token(CLOUD, XDR))
    return incidents(token, XDR), hunt_xdr(token, XDR)


def msal_wrong_secret():
    token, answer = msal_token(OWN, XDR, secret="wrong-secret", instance_discovery=False)
    assert token is None, "a token for a wrong secret"
    assert answer["error"] == "invalid_client", answer
    assert "AADSTS7000215" in answer["error_description"], answer
    assert 7000215 in answer["error_codes"], answer
    return ("AADSTS7000215",)


def azure_own():
    from azure.identity import ClientSecretCredential

    credential = ClientSecretCredential(TENANT, CLIENT, SECRET, authority=OWN, disable_instance_discovery=True)
    token = credential.get_token(MDE + "/.default").token
    return (hunt_mde(token, OWN),)


def azure_async():
    from azure.identity.aio import ClientSecretCredential

    async def get():
        async with ClientSecretCredential(
            TENANT, CLIENT, SECRET, authority=OWN, disable_instance_discovery=True
        ) as credential:
            return (await credential.get_token(GRAPH + "/.default")).token

    return (hunt_graph(asyncio.run(get()), OWN),)


def azure_cloud():
    from azure.identity import ClientSecretCredential

    token = ClientSecretCredential(TENANT, CLIENT, SECRET).get_token(GRAPH + "/.default").token
    # Two slashes, as Microsoft's Graph client for Python sends them.
    return hunt_graph(token, GRAPH), hunt_graph(token, GRAPH + "/")


def azure_wrong_secret():
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import ClientSecretCredential

    credential = ClientSecretCredential(TENANT, CLIENT, "wrong", authority=OWN, disable_instance_discovery=True)
    try:
        credential.get_token(MDE + "/.default")
    except ClientAuthenticationError as error:
        assert "AADSTS7000215" in str(error), error
        return ("AADSTS7000215",)
    raise AssertionError("a token for a wrong secret")


CASES = {
    "msal-own": msal_own,
    "msal-oidc": msal_oidc,
    "msal-cloud": msal_cloud,
    "msal-wrong-secret": msal_wrong_secret,
    "azure-own": azure_own,
    "azure-async": azure_async,
    "azure-cloud": azure_cloud,
    "azure-wrong-secret": azure_wrong_secret,
}

if __name__ == "__main__":
    print(", ".join(CASES[sys.argv[1]]()))
