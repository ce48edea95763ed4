"""A person signs in elsewhere, in a browser of another device, and MSAL for Python gets the token; then incidents.

    pip install msal requests
    python3 docs/examples/with-msal/device_code.py CLIENT_ID

Nothing in it knows of Bartizan. Run it as `bartizan run -- python3 docs/examples/with-msal/device_code.py CLIENT_ID`; against Microsoft's
cloud, run it alone.
"""

import os
import sys

import msal
import requests

SCOPES = ["https://api.security.microsoft.com/Incident.Read"]

app = msal.PublicClientApplication(
    sys.argv[1], authority="https://login.microsoftonline.com/" + os.environ["BARTIZAN_TENANT_ID"]
)
flow = app.initiate_device_flow(SCOPES)
if "user_code" not in flow:
    sys.exit(flow.get("error_description", flow))
print(flow["message"], flush=True)

# Waits until somebody has decided, or the code's fifteen minutes are over.
answer = app.acquire_token_by_device_flow(flow)
if "access_token" not in answer:
    sys.exit(answer.get("error_description", answer))

# Later in the same process MSAL answers from its cache, and refreshes what is about to expire.
account = app.get_accounts()[0]
answer = app.acquire_token_silent(SCOPES, account)
incidents = requests.get(
    "https://api.security.microsoft.com/api/incidents",
    headers={"Authorization": "Bearer " + answer["access_token"]},
    timeout=30,
)
incidents.raise_for_status()
print(account["username"], "sees", len(incidents.json()["value"]), "incidents")
