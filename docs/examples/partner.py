"""One application of a partner, many customers: a token for each tenant and the same question to each.

    python3 docs/examples/partner.py TENANT…

Nothing in it knows of Bartizan. Run it as `bartizan run -- python3 docs/examples/partner.py TENANT…`; against Microsoft's cloud,
run it alone. One customer who has not consented, or has taken the consent back, does not keep the others from being asked: the
script says so and ends with 8 when some failed, with 1 when all did.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

LOGIN = "https://login.microsoftonline.com"
API = "https://api.securitycenter.microsoft.com"
QUESTION = "DeviceProcessEvents | summarize Processes = count() by DeviceName | top 3 by Processes"


def call(url, body, headers):
    """The JSON of an answer; of a refusal, too."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        return json.load(refusal)


def token(tenant):
    """A token for one tenant: the tenant stands in the address, all the rest is the same for all."""
    form = {
        "grant_type": "client_credentials",
        "client_id": os.environ["BARTIZAN_CLIENT_ID"],
        "client_secret": os.environ["BARTIZAN_CLIENT_SECRET"],
        "scope": API + "/.default",
    }
    url = "%s/%s/oauth2/v2.0/token" % (LOGIN, urllib.parse.quote(tenant))
    answer = call(url, urllib.parse.urlencode(form).encode(), {})
    if "access_token" not in answer:
        raise ValueError(answer["error_description"].split(" Trace ID:")[0])
    return answer["access_token"]


def ask(tenant):
    """The rows of one tenant."""
    headers = {"Authorization": "Bearer " + token(tenant), "Content-Type": "application/json"}
    body = json.dumps({"Query": QUESTION}).encode()
    answer = call(API + "/api/advancedqueries/run", body, headers)
    if "Results" not in answer:
        raise ValueError(answer["error"]["message"])
    return answer["Results"]


def main(tenants):
    failed = 0
    for tenant in tenants:
        try:
            for row in ask(tenant):
                print(tenant, row["DeviceName"], row["Processes"])
        except (ValueError, OSError) as error:
            failed += 1
            print("%s: %s" % (tenant, error), file=sys.stderr)
    return 0 if not failed else 1 if failed == len(tenants) else 8


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
