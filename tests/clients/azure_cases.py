"""azure-identity for Python, as its documentation shows it: `azure_cases.py CASE DOOR`, started by `run.py`."""

import asyncio
import os
import pathlib
import sys
import warnings

from azure import identity
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import aio

from calls import (
    GRAPH, MDE, STAGE, TENANT, XDR, as_daemon, as_partner, as_user, browser, claims, counted, front_token, main, me,
    type_code,
)
from visitor import visit

DAEMON, DESKTOP, SITE = STAGE["daemon"], STAGE["desktop"], STAGE["site"]
MIDDLE, PARTNER, USER = STAGE["middle"], STAGE["partner"], STAGE["user"]
CERTIFICATE = STAGE["certificate"]
APPLICATION = XDR + "/.default"
READ = XDR + "/Incident.Read"


def options(door, discovery=True):
    """The two switches for an authority of one's own; none below `bartizan run`."""
    if not door.own:
        return {}
    return {"authority": door.login, **({"disable_instance_discovery": True} if discovery else {})}


def cached(credential, scope):
    """A token, which the second call finds in the credential's cache."""
    token = credential.get_token(scope).token
    assert credential.get_token(scope).token == token, "the second call must come from the cache"
    return token


def secret(door):
    credential = identity.ClientSecretCredential(TENANT, DAEMON["id"], DAEMON["secret"], **options(door))
    # With the capability of continuous access evaluation, which asks by `claims`.
    graph = credential.get_token(GRAPH + "/.default", enable_cae=True).token
    # Two slashes, as Microsoft's Graph client for Python sends them.
    return as_daemon(door, cached(credential, APPLICATION), "1"), counted(door, GRAPH, graph, slash="/")


def demo(door):
    """The demo's own application, on Defender for Endpoint."""
    client, text = os.environ["BARTIZAN_CLIENT_ID"], os.environ["BARTIZAN_CLIENT_SECRET"]
    credential = identity.ClientSecretCredential(TENANT, client, text, **options(door))
    return (counted(door, MDE, credential.get_token(MDE + "/.default").token),)


def awaited(credential, scope):
    """A token by an asynchronous credential."""
    async def get():
        async with credential:
            return (await credential.get_token(scope)).token

    return asyncio.run(get())


def asynchronous(door):
    credential = aio.ClientSecretCredential(TENANT, DAEMON["id"], DAEMON["secret"], **options(door))
    return (as_daemon(door, awaited(credential, APPLICATION), "1"),)


def wrong_secret(door):
    credential = identity.ClientSecretCredential(TENANT, DAEMON["id"], "wrong", **options(door))
    try:
        credential.get_token(APPLICATION)
    except ClientAuthenticationError as error:
        assert "AADSTS7000215" in str(error), error
        return ("AADSTS7000215",)
    raise AssertionError("a token for a wrong secret")


def certificate(door):
    """PEM by path, PFX as bytes with a password, with the chain (`x5c`) and without."""
    said = []
    pfx = {"certificate_data": pathlib.Path(CERTIFICATE["pfx"]).read_bytes(), "password": CERTIFICATE["password"]}
    for more in [{"certificate_path": CERTIFICATE["pem"]}, pfx, {**pfx, "send_certificate_chain": True}]:
        credential = identity.CertificateCredential(TENANT, DAEMON["id"], **more, **options(door))
        said = [as_daemon(door, cached(credential, APPLICATION), "2")]
    asynchronous = aio.CertificateCredential(
        TENANT, DAEMON["id"], CERTIFICATE["pem"], **options(door)
    )
    return (*said, "asynchronous " + as_daemon(door, awaited(asynchronous, APPLICATION), "2"))


def assertion(door):
    read = pathlib.Path(DAEMON["tokens"]["asked"]).read_text
    credential = identity.ClientAssertionCredential(TENANT, DAEMON["id"], read, **options(door, discovery=False))
    return (as_daemon(door, cached(credential, APPLICATION), "2"),)


def workload(door):
    """Configured by the variables that a cluster's webhook sets."""
    os.environ.update(
        AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=DAEMON["id"], AZURE_FEDERATED_TOKEN_FILE=DAEMON["tokens"]["kept"],
    )
    credential = identity.WorkloadIdentityCredential(**options(door))
    return (as_daemon(door, cached(credential, APPLICATION), "2"),)


def environment(door):
    """A secret, and then a certificate, by variables alone."""
    os.environ.update(AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=DAEMON["id"], AZURE_CLIENT_SECRET=DAEMON["secret"])
    more = {}
    if door.own:
        os.environ["AZURE_AUTHORITY_HOST"] = door.login
        more = {"disable_instance_discovery": True}
    first = as_daemon(door, cached(identity.EnvironmentCredential(**more), APPLICATION), "1")
    del os.environ["AZURE_CLIENT_SECRET"]
    os.environ.update(
        AZURE_CLIENT_CERTIFICATE_PATH=CERTIFICATE["pfx"], AZURE_CLIENT_CERTIFICATE_PASSWORD=CERTIFICATE["password"],
    )
    return "secret " + first, "certificate " + as_daemon(door, cached(identity.EnvironmentCredential(**more), APPLICATION), "2")


def default(door):
    """`DefaultAzureCredential`, which finds the variables."""
    os.environ.update(AZURE_TENANT_ID=TENANT, AZURE_CLIENT_ID=DAEMON["id"], AZURE_CLIENT_SECRET=DAEMON["secret"])
    return (as_daemon(door, cached(identity.DefaultAzureCredential(**options(door)), APPLICATION), "1"),)


def partner(door):
    """One credential, a token per tenant."""
    customer = PARTNER["customer"]
    credential = identity.ClientSecretCredential(
        TENANT, PARTNER["id"], PARTNER["secret"], additionally_allowed_tenants=[customer], **options(door)
    )
    assert claims(credential.get_token(APPLICATION).token)["tid"] == TENANT
    return (as_partner(door, credential.get_token(APPLICATION, tenant_id=customer).token),)


def as_person(door, credential):
    """A person's tokens for two APIs, from one sign-in."""
    token = cached(credential, READ)
    graph = credential.get_token(GRAPH + "/User.Read").token
    return as_user(door, token, DESKTOP["id"]), me(door, graph)


def device(door):
    credential = identity.DeviceCodeCredential(
        DESKTOP["id"], tenant_id=TENANT, prompt_callback=lambda url, code, _: type_code(url, code), **options(door)
    )
    return as_person(door, credential)


def interactive(door):
    browser()
    credential = identity.InteractiveBrowserCredential(client_id=DESKTOP["id"], tenant_id=TENANT, timeout=40, **options(door))
    return as_person(door, credential)


def password(door):
    """Deprecated, and still there."""
    warnings.simplefilter("ignore", DeprecationWarning)
    credential = identity.UsernamePasswordCredential(
        DESKTOP["id"], USER["name"], USER["password"], tenant_id=TENANT, **options(door)
    )
    return as_person(door, credential)


def code(door):
    """The code is fetched by hand: the credential only redeems it, and refreshes."""
    scope = "openid offline_access User.Read"
    query = "client_id=%s&response_type=code&redirect_uri=%s&scope=%s&prompt=consent" % (
        SITE["id"], SITE["redirect"], scope.replace(" ", "%20"),
    )
    answer = visit("%s/%s/oauth2/v2.0/authorize?%s" % (door.login, TENANT, query))
    credential = identity.AuthorizationCodeCredential(
        TENANT, SITE["id"], answer["parameters"]["code"], SITE["redirect"], client_secret=SITE["secret"],
        **options(door, discovery=False),
    )
    return (me(door, cached(credential, GRAPH + "/User.Read")),)


def on_behalf_of(door):
    """By secret, by certificate (sync: RS256; async: PS256)."""
    pem = pathlib.Path(CERTIFICATE["pem"]).read_bytes()
    for more in [{"client_secret": MIDDLE["secret"]}, {"client_certificate": pem}]:
        credential = identity.OnBehalfOfCredential(TENANT, MIDDLE["id"], user_assertion=front_token(), **more, **options(door))
        said = as_user(door, cached(credential, READ), MIDDLE["id"])
    asynchronous = aio.OnBehalfOfCredential(
        TENANT, MIDDLE["id"], client_certificate=pem, user_assertion=front_token(), **options(door)
    )
    return said, "asynchronous " + as_user(door, awaited(asynchronous, READ), MIDDLE["id"])


CASES = {
    "secret": secret,
    "demo": demo,
    "async": asynchronous,
    "wrong-secret": wrong_secret,
    "certificate": certificate,
    "assertion": assertion,
    "workload": workload,
    "environment": environment,
    "default": default,
    "partner": partner,
    "device": device,
    "interactive": interactive,
    "password": password,
    "code": code,
    "on-behalf-of": on_behalf_of,
}

if __name__ == "__main__":
    sys.exit(main(CASES))
