"""The script of Microsoft's page on application context, hosts and all: a token, then incidents.

Nothing in it knows of Bartizan. Run it as `bartizan run -- python3 docs/examples/get_token.py`; against Microsoft's cloud,
run it alone. It reads the three values that the page tells you to paste in.
"""

import json
import os
import urllib.parse
import urllib.request

tenant_id = os.environ["BARTIZAN_TENANT_ID"]
app_id = os.environ["BARTIZAN_CLIENT_ID"]
app_secret = os.environ["BARTIZAN_CLIENT_SECRET"]

url = "https://login.windows.net/%s/oauth2/token" % tenant_id
resource_app_id_uri = "https://api.security.microsoft.com"

body = {
    "resource": resource_app_id_uri,
    "client_id": app_id,
    "client_secret": app_secret,
    "grant_type": "client_credentials",
}
data = urllib.parse.urlencode(body).encode("utf-8")
response = urllib.request.urlopen(urllib.request.Request(url, data))
token = json.loads(response.read())["access_token"]

request = urllib.request.Request(
    "https://api.security.microsoft.com/api/incidents",
    headers={
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Authorization": "Bearer " + token,
    },
)
incidents = json.loads(urllib.request.urlopen(request).read())["value"]
for incident in incidents:
    print(incident["incidentId"], incident["severity"], incident["incidentName"])
