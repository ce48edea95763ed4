// @azure/identity, as its documentation shows it: `node identity.mjs CASE DOOR`, started by run.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  AuthorizationCodeCredential,
  ClientAssertionCredential,
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  DeviceCodeCredential,
  EnvironmentCredential,
  InteractiveBrowserCredential,
  OnBehalfOfCredential,
  UsernamePasswordCredential,
  WorkloadIdentityCredential,
} from "@azure/identity";
import {
  APPLICATION, GRAPH, READ, STAGE, TENANT, asDaemon, asPartner, asUser, claims, frontToken, main, me, setBrowser, typeCode,
  visit,
} from "./calls.mjs";

const { certificate, daemon, desktop, middle, partner, site, user } = STAGE;

/** The two switches for an authority of one's own; none below `bartizan run`. */
function options(door) {
  return door.own ? { authorityHost: door.login, disableInstanceDiscovery: true } : {};
}

/** A token, which the second call finds in the credential's cache. */
async function cached(credential, scope) {
  const { token } = await credential.getToken(scope);
  assert.equal((await credential.getToken(scope)).token, token, "the second call must come from the cache");
  return token;
}

/** A person's tokens for two APIs, from one sign-in. */
async function asPerson(door, credential) {
  const token = await cached(credential, READ);
  const graph = await credential.getToken(`${GRAPH}/User.Read`);
  return [await asUser(door, token, desktop.id), await me(door, graph.token)];
}

const cases = {
  async secret(door) {
    const credential = new ClientSecretCredential(TENANT, daemon.id, daemon.secret, options(door));
    return [await asDaemon(door, await cached(credential, APPLICATION), "1")];
  },

  async "wrong-secret"(door) {
    const credential = new ClientSecretCredential(TENANT, daemon.id, "wrong", options(door));
    await assert.rejects(credential.getToken(APPLICATION), /AADSTS7000215/);
    return ["AADSTS7000215"];
  },

  /** With the chain (`x5c`) and without. */
  async certificate(door) {
    const said = [];
    for (const sendCertificateChain of [false, true]) {
      const more = { ...options(door), sendCertificateChain };
      const credential = new ClientCertificateCredential(TENANT, daemon.id, certificate.pem, more);
      said.push(await asDaemon(door, await cached(credential, APPLICATION), "2"));
    }
    return said;
  },

  async assertion(door) {
    const read = async () => readFileSync(daemon.tokens.asked, "utf8");
    const credential = new ClientAssertionCredential(TENANT, daemon.id, read, options(door));
    return [await asDaemon(door, await cached(credential, APPLICATION), "2")];
  },

  async workload(door) {
    process.env.AZURE_TENANT_ID = TENANT;
    process.env.AZURE_CLIENT_ID = daemon.id;
    process.env.AZURE_FEDERATED_TOKEN_FILE = daemon.tokens.kept;
    const credential = new WorkloadIdentityCredential(options(door));
    return [await asDaemon(door, await cached(credential, APPLICATION), "2")];
  },

  /** By variables alone: a secret, then a certificate. */
  async environment(door) {
    Object.assign(process.env, {
      AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: daemon.id, AZURE_CLIENT_SECRET: daemon.secret,
    });
    const more = { disableInstanceDiscovery: door.own };
    if (door.own) process.env.AZURE_AUTHORITY_HOST = door.login;
    const secret = await asDaemon(door, await cached(new EnvironmentCredential(more), APPLICATION), "1");
    delete process.env.AZURE_CLIENT_SECRET;
    process.env.AZURE_CLIENT_CERTIFICATE_PATH = certificate.pem;
    const second = await asDaemon(door, await cached(new EnvironmentCredential(more), APPLICATION), "2");
    return [`secret ${secret}`, `certificate ${second}`];
  },

  async default(door) {
    Object.assign(process.env, {
      AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: daemon.id, AZURE_CLIENT_SECRET: daemon.secret,
    });
    return [await asDaemon(door, await cached(new DefaultAzureCredential(options(door)), APPLICATION), "1")];
  },

  async partner(door) {
    const more = { ...options(door), additionallyAllowedTenants: [partner.customer] };
    const credential = new ClientSecretCredential(TENANT, partner.id, partner.secret, more);
    assert.equal(claims((await credential.getToken(APPLICATION)).token).tid, TENANT);
    const there = await credential.getToken(APPLICATION, { tenantId: partner.customer });
    return [await asPartner(door, there.token)];
  },

  async device(door) {
    const credential = new DeviceCodeCredential({
      tenantId: TENANT,
      clientId: desktop.id,
      userPromptCallback: ({ verificationUri, userCode }) => typeCode(verificationUri, userCode),
      ...options(door),
    });
    return asPerson(door, credential);
  },

  async interactive(door) {
    setBrowser();
    return asPerson(door, new InteractiveBrowserCredential({ tenantId: TENANT, clientId: desktop.id, ...options(door) }));
  },

  async password(door) {
    const credential = new UsernamePasswordCredential(TENANT, desktop.id, user.name, user.password, options(door));
    return asPerson(door, credential);
  },

  /** The code is fetched by hand: the credential redeems it. */
  async code(door) {
    const query = new URLSearchParams({
      client_id: site.id, response_type: "code", redirect_uri: site.redirect, scope: "openid offline_access User.Read",
      prompt: "consent",
    });
    const { parameters } = await visit(`${door.login}/${TENANT}/oauth2/v2.0/authorize?${query}`);
    const credential = new AuthorizationCodeCredential(
      TENANT, site.id, site.secret, parameters.code, site.redirect, options(door),
    );
    return [await me(door, (await credential.getToken(`${GRAPH}/User.Read`)).token)];
  },

  async "on-behalf-of"(door) {
    const said = [];
    for (const proof of [{ clientSecret: middle.secret }, { certificatePath: certificate.pem }]) {
      const credential = new OnBehalfOfCredential({
        tenantId: TENANT, clientId: middle.id, userAssertionToken: await frontToken(), ...proof, ...options(door),
      });
      said.push(await asUser(door, await cached(credential, READ), middle.id));
    }
    return said;
  },
};

await main(cases);
