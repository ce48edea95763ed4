// What every Node client does with its token: calls of the served APIs, and a look at the claims.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const { BARTIZAN_TENANT_ID: TENANT, BARTIZAN_URL: OWN } = process.env;
export const STAGE = JSON.parse(readFileSync(process.env.BARTIZAN_TEST_STAGE, "utf8"));
export const XDR = "https://api.security.microsoft.com";
export const GRAPH = "https://graph.microsoft.com";
export const APPLICATION = `${XDR}/.default`;
const VISITOR = new URL("../visitor.py", import.meta.url);
export const READ = `${XDR}/Incident.Read`;

/** By which names a client reaches the server: its own origin, or Microsoft's below `bartizan run`. */
export function openDoor(name) {
  assert.ok(["own", "run"].includes(name), name);
  const own = name === "own";
  return { own, login: own ? OWN : "https://login.microsoftonline.com", base: (api) => (own ? OWN : api) };
}

/** The payload of a token, unverified. */
export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
}

async function get(door, api, path, token) {
  const answer = await fetch(door.base(api) + path, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
  return answer.json();
}

/** Lists incidents of Defender XDR; there must be some. */
export async function incidents(door, token) {
  const { value } = await get(door, XDR, "/api/incidents", token);
  assert.ok(value.length > 0, "no incident");
  return `${value.length} incidents`;
}

/** An application's token of the daemon: its roles, how it proved itself, and that it opens incidents. */
export function asDaemon(door, token, proof) {
  const said = claims(token);
  assert.deepEqual([said.tid, said.appid, said.appidacr], [TENANT, STAGE.daemon.id, proof]);
  assert.deepEqual([...said.roles].sort(), STAGE.daemon.roles);
  assert.equal(said.scp, undefined);
  return incidents(door, token);
}

/** A person's token for Defender XDR: scopes, no roles, the person, and that it opens incidents. */
export function asUser(door, token, client) {
  const said = claims(token);
  assert.ok(said.scp.split(" ").includes("Incident.Read"), said.scp);
  assert.equal(said.roles, undefined);
  assert.deepEqual([said.tid, said.appid], [TENANT, client]);
  assert.deepEqual([said.oid, said.upn], [STAGE.user.id, STAGE.user.name]);
  return incidents(door, token);
}

/** Who Graph says the person is. */
export async function me(door, token) {
  const found = await get(door, GRAPH, "/v1.0/me", token);
  assert.equal(found.userPrincipalName, STAGE.user.name);
  return "me";
}

/** A partner's token in the customer's tenant: the customer's data, and nothing else. */
export async function asPartner(door, token) {
  const { customer, id, device } = STAGE.partner;
  const said = claims(token);
  assert.deepEqual([said.tid, said.appid], [customer, id]);
  const answer = await fetch(`${door.base(XDR)}/api/advancedhunting/run`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ Query: "DeviceProcessEvents | distinct DeviceName" }),
  });
  assert.deepEqual((await answer.json()).Results, [{ DeviceName: device }]);
  assert.deepEqual((await get(door, XDR, "/api/incidents", token)).value, []);
  return "the customer's device alone";
}

/** A token for the API in the middle, as its caller has one (by a plain request: no library is tried here). */
export async function frontToken() {
  const answer = await fetch(`${OWN}/${TENANT}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "password",
      client_id: STAGE.desktop.id,
      scope: STAGE.middle.scope,
      username: STAGE.user.name,
      password: STAGE.user.password,
    }),
  });
  return (await answer.json()).access_token;
}

function visitor(argument, input) {
  const child = spawn(process.env.BARTIZAN_TEST_PYTHON, [fileURLToPath(VISITOR), ...argument]);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    let [out, said] = ["", ""];
    child.stdout.on("data", (part) => (out += part));
    child.stderr.on("data", (part) => (said += part));
    child.on("close", (code) => (code === 0 ? resolve(out) : reject(new Error(said.slice(-500)))));
  });
}

/** A person at the pages; the answer for the application. */
export async function visit(url, more = {}) {
  return JSON.parse(await visitor([], JSON.stringify({ url, ...more })));
}

/** The same as a browser that goes where the server sends it. */
export async function browse(url) {
  await visitor([url], "");
}

/** Makes `xdg-open` start the visitor, as a person's setting of `BROWSER` would start a browser. */
export function setBrowser() {
  process.env.BROWSER = `${process.env.BARTIZAN_TEST_PYTHON} ${fileURLToPath(VISITOR)} %s`;
}

/** A person types a device's code. */
export async function typeCode(url, code) {
  const answer = await visit(url, { code });
  assert.ok(answer.to === null && answer.heading.includes("signed in"), JSON.stringify(answer));
}

/** Runs the case that the command line names, by the door that it names. */
export async function main(cases) {
  const [name, door] = process.argv.slice(2);
  console.log((await cases[name](openDoor(door))).join(", "));
}
