"""MSAL Python, as its documentation shows it: `msal_cases.py CASE DOOR`, started by `run.py`."""

import pathlib
import re
import subprocess
import sys

import msal
from msal.token_cache import TokenCache

from calls import (
    GRAPH, OWN, STAGE, TENANT, XDR, as_daemon, as_partner, as_user, browser, claims, counted, front_token, get,
    incidents, main, me, type_code,
)
from visitor import visit

DAEMON, DESKTOP, SITE = STAGE["daemon"], STAGE["desktop"], STAGE["site"]
MIDDLE, PARTNER, USER = STAGE["middle"], STAGE["partner"], STAGE["user"]
CERTIFICATE = STAGE["certificate"]
READ = [XDR + "/Incident.Read"]


def options(door, tenant=TENANT):
    """Where the authority is. With Microsoft's own, instance discovery stays on: the proxy answers it."""
    more = {"instance_discovery": False} if door.own else {}
    return {"authority": "%s/%s" % (door.login, tenant), **more}


def must(answer):
    """The access token, or the reason why there is none."""
    assert "access_token" in answer, "no token: %s" % answer
    return answer["access_token"]


def confidential(door, credential, client=DAEMON["id"], tenant=TENANT):
    """An application with a credential."""
    return msal.ConfidentialClientApplication(client, client_credential=credential, **options(door, tenant))


def by_credential(door, credential, proof):
    """A daemon's token by a credential, and again from MSAL's cache."""
    app = confidential(door, credential)
    token = must(app.acquire_token_for_client([XDR + "/.default"]))
    again = app.acquire_token_for_client([XDR + "/.default"])
    assert again["token_source"] == "cache" and again["access_token"] == token, again["token_source"]
    return as_daemon(door, token, proof), counted(door, XDR, token)


def secret(door):
    """Also with the capability of continuous access evaluation, which asks by `claims`."""
    capable = msal.ConfidentialClientApplication(
        DAEMON["id"], client_credential=DAEMON["secret"], client_capabilities=["CP1"], **options(door)
    )
    must(capable.acquire_token_for_client([XDR + "/.default"]))
    return by_credential(door, DAEMON["secret"], "1")


def oidc(door):
    app = msal.ConfidentialClientApplication(
        DAEMON["id"], client_credential=DAEMON["secret"], oidc_authority="%s/%s/v2.0" % (OWN, TENANT)
    )
    return (counted(door, GRAPH, must(app.acquire_token_for_client([GRAPH + "/.default"]))),)


def wrong_secret(door):
    answer = confidential(door, "wrong-secret").acquire_token_for_client([XDR + "/.default"])
    assert answer["error"] == "invalid_client" and 7000215 in answer["error_codes"], answer
    assert "AADSTS7000215" in answer["error_description"], answer
    return ("AADSTS7000215",)


def read(name):
    """A file of the daemon's certificate, as text."""
    return pathlib.Path(CERTIFICATE[name]).read_text()


def refused(door):
    """A key that nobody registered, and a workload that is not the one."""
    stranger = confidential(door, {"client_assertion": workload_token("stranger")})
    answer = stranger.acquire_token_for_client([XDR + "/.default"])
    assert answer["error_codes"] == [700213], answer
    unknown = {"private_key": read("key"), "thumbprint": "00" * 20}
    answer = confidential(door, unknown).acquire_token_for_client([XDR + "/.default"])
    assert answer["error_codes"] == [700027], answer
    return "AADSTS700213", "AADSTS700027"


def pfx(door):
    """PS256 with `x5t#S256`, and the certificate itself in `x5c`."""
    credential = {
        "private_key_pfx_path": CERTIFICATE["pfx"], "passphrase": CERTIFICATE["password"], "public_certificate": True,
    }
    return by_credential(door, credential, "2")


def pem(door):
    """PS256 with `x5t#S256`."""
    credential = {"private_key": read("key"), "public_certificate": read("certificate")}
    return by_credential(door, credential, "2")


def thumbprint(door):
    """RS256 with `x5t`; the key file has a password."""
    credential = {
        "private_key": read("protected"), "passphrase": CERTIFICATE["password"], "thumbprint": CERTIFICATE["sha1"],
    }
    return by_credential(door, credential, "2")


def workload_token(name):
    """A token of the suite's issuer."""
    return pathlib.Path(DAEMON["tokens"][name]).read_text()


def assertion(door):
    """The issuer's keys are kept with the credential."""
    return by_credential(door, {"client_assertion": workload_token("kept")}, "2")


def assertion_asked(door):
    """The server reads the issuer's keys, and MSAL asks for the token when it needs it."""
    return by_credential(door, {"client_assertion": lambda: workload_token("asked")}, "2")


def partner(door):
    """One application, a token per tenant."""
    home = must(confidential(door, PARTNER["secret"], PARTNER["id"]).acquire_token_for_client([XDR + "/.default"]))
    assert claims(home)["tid"] == TENANT
    app = confidential(door, PARTNER["secret"], PARTNER["id"], PARTNER["customer"])
    token = must(app.acquire_token_for_client([XDR + "/.default"]))
    return "at home " + incidents(door, home), "in the customer's tenant " + as_partner(door, token)


def public(door):
    """An application without a credential."""
    return msal.PublicClientApplication(DESKTOP["id"], **options(door))


def signed_in(answer, app, client=DESKTOP["id"]):
    """What every sign-in gives: an ID token with the person, and an account in the cache."""
    told = answer["id_token_claims"]
    assert (told["aud"], told["tid"], told["oid"]) == (client, TENANT, USER["id"]), told
    assert (told["preferred_username"], told["name"]) == (USER["name"], USER["display"]), told
    (account,) = app.get_accounts(USER["name"])
    assert account["home_account_id"] == "%s.%s" % (USER["id"], TENANT), account
    return account


def by_code(door, app=None, **more):
    """Signs in with the authorization code flow, whose PKCE and nonce are MSAL's."""
    app = app or public(door)
    flow = app.initiate_auth_code_flow(READ, redirect_uri="http://localhost", **more)
    assert "code_challenge=" in flow["auth_uri"] and "nonce=" in flow["auth_uri"], flow["auth_uri"]
    answer = visit(flow["auth_uri"])
    return app, app.acquire_token_by_auth_code_flow(flow, answer["parameters"])


def code(door):
    seen = []
    for mode in ["query", "fragment", "form_post"]:
        app, answer = by_code(door, response_mode=mode, login_hint=USER["name"], max_age=3600)
        token = must(answer)
        account = signed_in(answer, app)
        again = app.acquire_token_silent(READ, account)
        assert again["access_token"] == token, "the second call must come from MSAL's cache"
        seen.append(mode)
    return as_user(door, token, DESKTOP["id"]), " and ".join(seen)


def everybodys(door):
    """At `organizations`, which is no tenant: whoever signs in is of their own, and may consent there."""
    app = msal.PublicClientApplication(DESKTOP["id"], **options(door, "organizations"))
    said = []
    for who, tenant, person in [("user", TENANT, USER), ("customer", PARTNER["customer"], PARTNER["person"])]:
        flow = app.initiate_auth_code_flow(READ, redirect_uri="http://localhost", response_mode="form_post")
        answer = app.acquire_token_by_auth_code_flow(flow, visit(flow["auth_uri"], who=who)["parameters"])
        token = must(answer)
        told = claims(token)
        assert (told["tid"], told["oid"]) == (tenant, person["id"]), told
        (account,) = app.get_accounts(person["name"])
        fresh = must(app.acquire_token_silent_with_error(READ, account, force_refresh=True))
        said.append(len(get(door, XDR, "/api/incidents", fresh)["value"]))
    assert said[0] > 0 and said[1] == 0, said
    return ("%d incidents at home, none of them the customer's" % said[0],)


def declined(door):
    """What an application is told when nobody is signed in, and when a person does not consent."""
    silent = public(door).initiate_auth_code_flow(READ, redirect_uri="http://localhost", prompt="none")
    answer = public(door).acquire_token_by_auth_code_flow(silent, visit(silent["auth_uri"])["parameters"])
    assert answer["error"] == "login_required", answer
    app = confidential(door, SITE["secret"], SITE["id"])
    flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri=SITE["redirect"], prompt="consent")
    answer = app.acquire_token_by_auth_code_flow(flow, visit(flow["auth_uri"], decline=True)["parameters"])
    assert answer["error"] == "access_denied" and "AADSTS65004" in answer["error_description"], answer
    app = public(door)
    flow = app.initiate_device_flow(READ)
    visit(flow["verification_uri"], code=flow["user_code"], decline=True)
    answer = app.acquire_token_by_device_flow(flow)
    assert answer["error"] == "authorization_declined", answer
    return "login_required", "access_denied", "authorization_declined"


def code_confidential(door):
    """A web site's sign-in, with the page on which a person consents."""
    app = confidential(door, SITE["secret"], SITE["id"])
    flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri=SITE["redirect"], prompt="consent")
    answer = visit(flow["auth_uri"])
    done = app.acquire_token_by_auth_code_flow(flow, answer["parameters"])
    token = must(done)
    signed_in(done, app, SITE["id"])
    assert claims(token)["scp"].split().count("User.Read") == 1, claims(token)
    replay = app.acquire_token_by_auth_code_flow(flow, answer["parameters"])
    assert replay.get("error") == "invalid_grant", replay
    return "consented", me(door, token)


def interactive(door):
    """MSAL opens the browser, which comes back to a port of its choice."""
    browser()
    app = public(door)
    answer = app.acquire_token_interactive(READ, prompt="select_account", timeout=40)
    token = must(answer)
    signed_in(answer, app)
    return (as_user(door, token, DESKTOP["id"]),)


def refresh(door):
    """By `acquire_token_silent`, for the same API and for another one; and by a refresh token from elsewhere."""
    app, answer = by_code(door)
    first = must(answer)
    account = signed_in(answer, app)
    second = app.acquire_token_silent_with_error(READ, account, force_refresh=True)
    assert second["token_source"] == "identity_provider" and must(second) != first, second
    graph = app.acquire_token_silent_with_error(["User.Read"], account)
    kept = list(app.token_cache.search(TokenCache.CredentialType.REFRESH_TOKEN))
    assert len(kept) == 1, "one refresh token for all of them: %d" % len(kept)
    migrated = public(door).acquire_token_by_refresh_token(kept[0]["secret"], READ)
    return as_user(door, must(second), DESKTOP["id"]), me(door, must(graph)), as_user(door, must(migrated), DESKTOP["id"])


def device(door):
    app = public(door)
    flow = app.initiate_device_flow(READ)
    assert flow["user_code"] in flow["message"] and flow["verification_uri"] in flow["message"], flow
    type_code(flow["verification_uri"], flow["user_code"])
    answer = app.acquire_token_by_device_flow(flow)
    token = must(answer)
    signed_in(answer, app)
    return (as_user(door, token, DESKTOP["id"]),)


def documented(door):
    """The guide's own script, which has Microsoft's hosts written into it."""
    assert not door.own
    command = [sys.executable, "docs/examples/with-msal/device_code.py", DESKTOP["id"]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as script:
        message = script.stdout.readline()
        url, typed = re.search(r"(https://\S+) .*?\b([A-Z0-9]{9})\b", message).groups()
        type_code(url, typed)
        said = script.stdout.read().strip()
    assert script.returncode == 0 and said.startswith(USER["name"] + " sees "), said
    return (said,)


def password(door):
    """With the user realm, which MSAL asks at the authority's name without its port."""
    app = public(door)
    answer = app.acquire_token_by_username_password(USER["name"], USER["password"], READ)
    token = must(answer)
    signed_in(answer, app)
    wrong = app.acquire_token_by_username_password(USER["name"], "not the password", READ)
    assert wrong["error"] == "invalid_grant" and 50126 in wrong["error_codes"], wrong
    return as_user(door, token, DESKTOP["id"]), "a wrong one: AADSTS50126"


def on_behalf_of(door):
    """By secret and by certificate; then silently, by the refresh token that MSAL asks for."""
    for credential in [
        MIDDLE["secret"], {"private_key": read("key"), "public_certificate": read("certificate")},
    ]:
        app = confidential(door, credential, MIDDLE["id"])
        front = front_token()
        answer = app.acquire_token_on_behalf_of(front, READ)
        token = must(answer)
        account = signed_in(answer, app, MIDDLE["id"])
        again = app.acquire_token_silent(READ, account)
        assert again["access_token"] == token, "the second call must come from MSAL's cache"
        graph = must(app.acquire_token_silent(["User.Read"], account))
    refused = app.acquire_token_on_behalf_of(front, [XDR + "/AdvancedHunting.Read"])
    assert refused["error"] == "invalid_grant" and refused["suberror"] == "consent_required", refused
    return as_user(door, token, MIDDLE["id"]), me(door, graph), "without consent: AADSTS65001"


CASES = {
    "secret": secret,
    "oidc": oidc,
    "wrong-secret": wrong_secret,
    "refused": refused,
    "pfx": pfx,
    "pem": pem,
    "thumbprint": thumbprint,
    "assertion": assertion,
    "assertion-asked": assertion_asked,
    "partner": partner,
    "code": code,
    "organizations": everybodys,
    "declined": declined,
    "code-confidential": code_confidential,
    "interactive": interactive,
    "refresh": refresh,
    "device": device,
    "example": documented,
    "password": password,
    "on-behalf-of": on_behalf_of,
}

if __name__ == "__main__":
    sys.exit(main(CASES))
