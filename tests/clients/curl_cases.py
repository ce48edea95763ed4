"""curl, as the documentation pages have it. What is secret goes through its configuration on standard input."""

import json

from suite import XDR, Failed
from visitor import Visitor

CURL = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "30", "--config", "-"]
READ = XDR + "/Incident.Read offline_access"


def token_answer(text):
    """An answer of the v2 endpoint, checked as a client sees it."""
    answer = json.loads(text)
    assert answer["token_type"] == "Bearer", answer
    assert answer["expires_in"] == 3599, "v2 says a number: %r" % answer["expires_in"]
    return answer


class Curl:
    """curl at one origin."""

    def __init__(self, suite, run, base, more=()):
        self.suite, self.start, self.base, self.more = suite, run, base, list(more)

    def config(self, lines, url, *flags):
        """Runs curl; `lines` are options with what nobody may see in a list of processes."""
        text = "".join('%s = "%s"\n' % (name, value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in lines)
        return self.start(*CURL, *self.more, *flags, url, input=text)

    def form(self, path, fields, *flags, user=None):
        """Posts a form."""
        lines = [("data-urlencode", "%s=%s" % pair) for pair in fields.items()]
        return self.config([*lines, *([("user", user)] if user else [])], self.base + path, *flags)

    def incidents(self, token, base=None):
        """Lists incidents; there must be some."""
        said = self.config([("header", "Authorization: Bearer " + token)], (base or self.base) + "/api/incidents")
        found = json.loads(said)["value"]
        assert found, "no incident"
        return "%d incidents" % len(found)


def cases(suite, stage):
    """The cases, by their names in the table."""
    env = suite.environment
    tenant, daemon, desktop, user = env["BARTIZAN_TENANT_ID"], stage["daemon"], stage["desktop"], stage["user"]
    v2 = "/%s/oauth2/v2.0/token" % tenant
    own = Curl(suite, suite.run, env["BARTIZAN_URL"], ["--cacert", env["BARTIZAN_CA"]])
    identity = {"client_id": daemon["id"], "client_secret": daemon["secret"], "grant_type": "client_credentials"}

    def form_v2(curl, api_base=None):
        # The two scopes of Microsoft's pages; the first is the one of Defender for Endpoint.
        mde = "https://securitycenter.onmicrosoft.com/windowsatpservice/.default"
        token_answer(curl.form(v2, {**identity, "scope": mde}))
        token = token_answer(curl.form(v2, {**identity, "scope": XDR + "/.default"}))["access_token"]
        return curl.incidents(token, api_base)

    def v2_case(door):
        if door == "run":
            return form_v2(Curl(suite, suite.below_run, "https://login.microsoftonline.com"), XDR)
        return form_v2(own)

    def v1(_):
        answer = json.loads(own.form("/%s/oauth2/token" % tenant, {**identity, "resource": XDR}))
        assert answer["expires_in"] == "3599", "v1 says a string: %r" % answer["expires_in"]
        assert answer["resource"] == XDR, answer
        return own.incidents(answer["access_token"])

    def basic(_):
        fields = {"grant_type": "client_credentials", "scope": XDR + "/.default"}
        answer = token_answer(own.form(v2, fields, user="%s:%s" % (daemon["id"], daemon["secret"])))
        return own.incidents(answer["access_token"])

    def plain_http(_):
        return form_v2(Curl(suite, suite.run, env["BARTIZAN_HTTP_URL"]))

    def wrong_secret(_):
        wrong = {**identity, "client_secret": "wrong", "scope": XDR + "/.default"}
        said = own.form(v2, wrong, "--no-fail-with-body", "--write-out", "\n%{http_code}")
        body, status = said.rsplit("\n", 1)
        answer = json.loads(body)
        assert status == "401", status
        assert answer["error"] == "invalid_client" and answer["error_codes"] == [7000215], answer
        return "401, AADSTS7000215"

    def by_device():
        asked = json.loads(own.form("/%s/oauth2/v2.0/devicecode" % tenant, {"client_id": desktop["id"], "scope": READ}))
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "client_id": desktop["id"], "device_code": asked["device_code"],
        }
        pending = json.loads(own.form(v2, form, "--no-fail-with-body"))
        assert pending["error"] == "authorization_pending", pending
        person = Visitor(user["name"], user["password"], asked["user_code"])
        person.session.verify, person.session.trust_env = env["BARTIZAN_CA"], False
        seen = person.visit(asked["verification_uri"])
        assert seen["to"] is None, seen
        return token_answer(own.form(v2, form))

    def device(_):
        return "pending, then " + own.incidents(by_device()["access_token"])

    def refresh(_):
        first = by_device()
        form = {"grant_type": "refresh_token", "client_id": desktop["id"], "refresh_token": first["refresh_token"]}
        second = token_answer(own.form(v2, {**form, "scope": READ}))
        if second["access_token"] == first["access_token"] or second["refresh_token"] == first["refresh_token"]:
            raise Failed("the same tokens again")
        return own.incidents(second["access_token"])

    return {
        "v2": v2_case, "v1": v1, "basic": basic, "plain-http": plain_http, "wrong-secret": wrong_secret,
        "device": device, "refresh": refresh,
    }
