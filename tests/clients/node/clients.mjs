// Node clients of the authorization server, as their documentation shows them; run.py runs one case at a time.
// Cases ending in -cloud name Microsoft's hosts and run below `bartizan run`.
import { ClientSecretCredential } from "@azure/identity";
import { ConfidentialClientApplication } from "@azure/msal-node";

const {
  BARTIZAN_TENANT_ID: tenant,
  BARTIZAN_CLIENT_ID: client,
  BARTIZAN_CLIENT_SECRET: secret,
  BARTIZAN_URL: own,
} = process.env;
const XDR = "https://api.security.microsoft.com";

function must(condition, text) {
  if (!condition) throw new Error(text);
}

/** Lists incidents at the server's own origin; Node's fetch knows no proxy. */
async function incidents(token) {
  const answer = await fetch(`${own}/api/incidents`, { headers: { Authorization: `Bearer ${token}` } });
  must(answer.status === 200, `incidents: ${answer.status}`);
  const found = (await answer.json()).value;
  must(found.length > 0, "no incident");
  return `${found.length} incidents`;
}

function confidential(clientSecret) {
  return new ConfidentialClientApplication({
    auth: {
      clientId: client,
      clientSecret,
      authority: `${own}/${tenant}`,
      knownAuthorities: [new URL(own).host],
    },
  });
}

const cases = {
  async "msal-own"() {
    const app = confidential(secret);
    const scopes = [`${XDR}/.default`];
    const answer = await app.acquireTokenByClientCredential({ scopes });
    must(answer?.accessToken, "no token");
    const again = await app.acquireTokenByClientCredential({ scopes });
    must(again.fromCache, "the second call must come from MSAL's cache");
    return incidents(answer.accessToken);
  },
  async "msal-wrong-secret"() {
    try {
      await confidential("wrong-secret").acquireTokenByClientCredential({ scopes: [`${XDR}/.default`] });
    } catch (error) {
      must(error.message.includes("AADSTS7000215"), error.message);
      return "AADSTS7000215";
    }
    throw new Error("a token for a wrong secret");
  },
  async "azure-own"() {
    const options = { authorityHost: own, disableInstanceDiscovery: true };
    const credential = new ClientSecretCredential(tenant, client, secret, options);
    const { token } = await credential.getToken(`${XDR}/.default`);
    return incidents(token);
  },
  async "azure-cloud"() {
    const credential = new ClientSecretCredential(tenant, client, secret);
    const { token } = await credential.getToken(`${XDR}/.default`);
    return incidents(token);
  },
};

console.log(await cases[process.argv[2]]());
