// @azure/msal-node, as its documentation shows it: `node msal.mjs CASE DOOR`, started by run.py.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  ConfidentialClientApplication,
  CryptoProvider,
  InteractionRequiredAuthError,
  PublicClientApplication,
} from "@azure/msal-node";
import {
  APPLICATION, READ, STAGE, TENANT, asDaemon, asPartner, asUser, browse, claims, frontToken, incidents, main, me,
  typeCode, visit,
} from "./calls.mjs";

const { certificate, daemon, desktop, middle, partner, site, user } = STAGE;

/** Where the authority is. Microsoft's own is known to the library, another one by its host and port. */
function authority(door, tenant = TENANT) {
  return {
    authority: `${door.login}/${tenant}`,
    ...(door.own && { knownAuthorities: [new URL(door.login).host] }),
  };
}

function confidential(door, credential, clientId = daemon.id, tenant = TENANT) {
  return new ConfidentialClientApplication({ auth: { clientId, ...credential, ...authority(door, tenant) } });
}

function publicClient(door) {
  return new PublicClientApplication({ auth: { clientId: desktop.id, ...authority(door) } });
}

/** A daemon's token by a credential, and again from MSAL's cache. */
async function byCredential(door, credential, proof) {
  const app = confidential(door, credential);
  const answer = await app.acquireTokenByClientCredential({ scopes: [APPLICATION] });
  const again = await app.acquireTokenByClientCredential({ scopes: [APPLICATION] });
  assert.ok(!answer.fromCache && again.fromCache, "the second call must come from MSAL's cache");
  return [await asDaemon(door, answer.accessToken, proof)];
}

/** What every sign-in gives: an ID token with the person, and an account. */
function signedIn(answer, client = desktop.id) {
  const said = answer.idTokenClaims;
  assert.deepEqual([said.aud, said.tid, said.oid], [client, TENANT, user.id]);
  assert.equal(said.preferred_username, user.name);
  assert.equal(answer.account.homeAccountId, `${user.id}.${TENANT}`);
  assert.equal(answer.account.username, user.name);
}

/** Signs in with the authorization code flow, PKCE and a nonce. */
async function byCode(door, app) {
  const crypto = new CryptoProvider();
  const { verifier, challenge } = await crypto.generatePkceCodes();
  const nonce = crypto.createNewGuid();
  const request = { scopes: [READ], redirectUri: "http://localhost" };
  const url = await app.getAuthCodeUrl({
    ...request, codeChallenge: challenge, codeChallengeMethod: "S256", nonce, state: "a state", responseMode: "form_post",
  });
  const { parameters } = await visit(url);
  assert.equal(parameters.state, "a state");
  const redeemed = { ...request, code: parameters.code, codeVerifier: verifier };
  return app.acquireTokenByCode(redeemed, { code: parameters.code, nonce });
}

const cases = {
  secret: (door) => byCredential(door, { clientSecret: daemon.secret }, "1"),

  async "wrong-secret"(door) {
    const app = confidential(door, { clientSecret: "wrong-secret" });
    await assert.rejects(app.acquireTokenByClientCredential({ scopes: [APPLICATION] }), /AADSTS7000215/);
    return ["AADSTS7000215"];
  },

  /** PS256 with `x5t#S256` and `x5c`; RS256 with `x5t`. */
  async certificate(door) {
    const privateKey = readFileSync(certificate.key, "utf8");
    const x5c = readFileSync(certificate.certificate, "utf8");
    const modern = { clientCertificate: { thumbprintSha256: certificate.sha256, privateKey, x5c } };
    const old = { clientCertificate: { thumbprint: certificate.sha1, privateKey } };
    return [...(await byCredential(door, modern, "2")), ...(await byCredential(door, old, "2"))];
  },

  async assertion(door) {
    const read = (name) => readFileSync(daemon.tokens[name], "utf8");
    return [
      ...(await byCredential(door, { clientAssertion: read("kept") }, "2")),
      ...(await byCredential(door, { clientAssertion: async () => read("asked") }, "2")),
    ];
  },

  async partner(door) {
    const credential = { clientSecret: partner.secret };
    const home = await confidential(door, credential, partner.id).acquireTokenByClientCredential({ scopes: [APPLICATION] });
    assert.equal(claims(home.accessToken).tid, TENANT);
    const app = confidential(door, credential, partner.id, partner.customer);
    const there = await app.acquireTokenByClientCredential({ scopes: [APPLICATION] });
    return [`at home ${await incidents(door, home.accessToken)}`, await asPartner(door, there.accessToken)];
  },

  async code(door) {
    const answer = await byCode(door, publicClient(door));
    signedIn(answer);
    return [await asUser(door, answer.accessToken, desktop.id)];
  },

  /** At `organizations`, which is no tenant: whoever signs in is of their own, and may consent there. */
  async organizations(door) {
    const app = new PublicClientApplication({ auth: { clientId: desktop.id, ...authority(door, "organizations") } });
    for (const [who, tenant, person] of [["user", TENANT, user], ["customer", partner.customer, partner.person]]) {
      const request = { scopes: [READ], redirectUri: "http://localhost" };
      const { parameters } = await visit(await app.getAuthCodeUrl({ ...request, responseMode: "form_post" }), { who });
      const answer = await app.acquireTokenByCode({ ...request, code: parameters.code });
      const said = claims(answer.accessToken);
      assert.deepEqual([said.tid, said.oid, answer.tenantId], [tenant, person.id, tenant]);
      const fresh = await app.acquireTokenSilent({ account: answer.account, scopes: [READ], forceRefresh: true });
      assert.equal(claims(fresh.accessToken).tid, tenant);
    }
    return ["a person of each tenant"];
  },

  async "code-confidential"(door) {
    const app = confidential(door, { clientSecret: site.secret }, site.id);
    const request = { scopes: ["User.Read"], redirectUri: site.redirect };
    const { parameters } = await visit(await app.getAuthCodeUrl({ ...request, prompt: "consent" }));
    const answer = await app.acquireTokenByCode({ ...request, code: parameters.code });
    signedIn(answer, site.id);
    await assert.rejects(app.acquireTokenByCode({ ...request, code: parameters.code }), /AADSTS54005/);
    return ["consented", await me(door, answer.accessToken)];
  },

  async interactive(door) {
    const answer = await publicClient(door).acquireTokenInteractive({
      scopes: [READ],
      openBrowser: async (url) => void browse(url).catch((error) => console.error(error)),
    });
    signedIn(answer);
    return [await asUser(door, answer.accessToken, desktop.id)];
  },

  /** Silently from the cache, by the refresh token, for another API, and by a refresh token from elsewhere. */
  async refresh(door) {
    const app = publicClient(door);
    const first = await byCode(door, app);
    const { account } = first;
    const cached = await app.acquireTokenSilent({ account, scopes: [READ] });
    assert.ok(cached.fromCache);
    const fresh = await app.acquireTokenSilent({ account, scopes: [READ], forceRefresh: true });
    assert.ok(!fresh.fromCache && fresh.accessToken !== first.accessToken);
    const graph = await app.acquireTokenSilent({ account, scopes: ["User.Read"] });
    const kept = Object.values(JSON.parse(app.getTokenCache().serialize()).RefreshToken);
    assert.equal(kept.length, 1);
    const migrated = await publicClient(door).acquireTokenByRefreshToken({ refreshToken: kept[0].secret, scopes: [READ] });
    return [
      await asUser(door, fresh.accessToken, desktop.id), await me(door, graph.accessToken),
      await asUser(door, migrated.accessToken, desktop.id),
    ];
  },

  async device(door) {
    const answer = await publicClient(door).acquireTokenByDeviceCode({
      scopes: [READ],
      deviceCodeCallback: ({ verificationUri, userCode }) =>
        void typeCode(verificationUri, userCode).catch((error) => console.error(error)),
    });
    signedIn(answer);
    return [await asUser(door, answer.accessToken, desktop.id)];
  },

  async password(door) {
    const app = publicClient(door);
    const request = { scopes: [READ], username: user.name };
    const answer = await app.acquireTokenByUsernamePassword({ ...request, password: user.password });
    signedIn(answer);
    await assert.rejects(app.acquireTokenByUsernamePassword({ ...request, password: "wrong" }), /AADSTS50126/);
    return [await asUser(door, answer.accessToken, desktop.id), "a wrong one: AADSTS50126"];
  },

  async "on-behalf-of"(door) {
    const app = confidential(door, { clientSecret: middle.secret }, middle.id);
    const oboAssertion = await frontToken();
    const answer = await app.acquireTokenOnBehalfOf({ oboAssertion, scopes: [READ] });
    const again = await app.acquireTokenOnBehalfOf({ oboAssertion, scopes: [READ] });
    assert.ok(again.fromCache);
    const refused = app.acquireTokenOnBehalfOf({ oboAssertion, scopes: [READ.replace("Incident", "AdvancedHunting")] });
    await assert.rejects(refused, (error) => error instanceof InteractionRequiredAuthError && /65001/.test(error.message));
    return [await asUser(door, answer.accessToken, middle.id), "without consent: AADSTS65001"];
  },
};

await main(cases);
