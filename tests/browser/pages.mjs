// The pages for people in a real browser: one case per run, named on the command line. Started by tests/clients/run.py
// against its server. Every page that is seen is checked with axe, and a script error or a blocked resource fails a case.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const { BARTIZAN_TENANT_ID: tenant, BARTIZAN_ADMIN_USER: user, BARTIZAN_ADMIN_PASSWORD: password } = process.env;
const https = process.env.BARTIZAN_URL;
// Passkeys need a page without certificate errors: on localhost plain HTTP counts as secure.
const http = process.env.BARTIZAN_HTTP_URL.replace("127.0.0.1", "localhost");
const operator = { id: process.env.OPERATOR_ID, secret: process.env.OPERATOR_SECRET };
const XDR = "8ee8fdad-f234-4243-8f3b-15c294843740";

async function post(url, fields) {
  const answer = await fetch(url, { method: "POST", body: new URLSearchParams(fields) });
  return answer.json();
}

/** Makes an object of the directory. */
async function create(kind, object) {
  const { access_token: token } = await post(`${https}/${tenant}/oauth2/v2.0/token`, {
    grant_type: "client_credentials",
    client_id: operator.id,
    client_secret: operator.secret,
    scope: "https://graph.microsoft.com/.default",
  });
  const answer = await fetch(`${https}/v1.0/${kind}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(object),
  });
  const made = await answer.json();
  assert.equal(answer.status, 201, JSON.stringify(made));
  return made;
}

/** Registers an application; gives its client id. */
async function register(more) {
  const made = await create("applications", {
    displayName: "Browser suite",
    publicClient: { redirectUris: ["http://localhost"] },
    isFallbackPublicClient: true,
    ...more,
  });
  return made.appId;
}

/** Makes a person without any role; gives name and password. */
async function person(more = {}) {
  const name = `walker${Date.now()}`;
  const secret = `Walks-${Date.now()}-by-night`;
  const made = await create("users", {
    displayName: "A walker",
    userPrincipalName: `${name}@${user.split("@")[1]}`,
    mailNickname: name,
    accountEnabled: true,
    passwordProfile: { password: secret, ...more },
  });
  return { user: made.userPrincipalName, password: secret };
}

/** Listens as a native application does; `answered` has the parameters that arrive. */
async function listen() {
  let arrived;
  const answered = new Promise((resolve) => (arrived = resolve));
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><html lang=en><title>Done</title><main><h1>Done</h1></main>");
      const url = new URL(request.url, "http://localhost");
      if (url.pathname !== "/") return;
      const parameters = request.method === "POST" ? new URLSearchParams(body) : url.searchParams;
      arrived({ method: request.method, ...Object.fromEntries(parameters) });
    });
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return { address: `http://localhost:${server.address().port}`, answered, close: () => server.close() };
}

class Visitor {
  constructor(page) {
    this.page = page;
    this.problems = [];
    page.on("pageerror", (error) => this.problems.push(String(error)));
    page.on("console", (message) => {
      // Chromium asks for an icon that no page names, and calls the status of a page that says what is wrong an error.
      const { url } = message.location();
      const status = /^Failed to load resource: the server responded with a status of 4/.test(message.text());
      const own = url === page.url() && status;
      if (message.type() === "error" && !url.endsWith("favicon.ico") && !own) {
        this.problems.push(message.text());
      }
    });
  }

  /** Waits for a page by its heading, and checks it. */
  async at(title) {
    await this.page.getByRole("heading", { level: 1, name: title }).waitFor({ timeout: 20_000 }).catch(async () => {
      throw new Error(`expected '${title}', got: ${(await this.page.locator("main").innerText()).slice(0, 400)}`);
    });
    await this.page.evaluate(axe);
    const { violations } = await this.page.evaluate("axe.run()");
    const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`);
    assert.deepEqual(found, [], `axe on '${title}'`);
    const wide = await this.page.evaluate("document.documentElement.scrollWidth - innerWidth");
    assert.ok(wide <= 0, `'${title}' scrolls sideways`);
    assert.deepEqual(this.problems, [], `on '${title}'`);
  }

  press(name) {
    return this.page.getByRole("button", { name, exact: true }).click();
  }

  async password(who = { user, password }) {
    await this.at("Sign in");
    // By the keyboard alone: the field has the focus, Enter sends.
    await this.page.keyboard.type(who.user);
    await this.page.keyboard.press("Enter");
    await this.at("Enter your password");
    await this.page.keyboard.type(who.password);
    await this.page.keyboard.press("Enter");
  }

  async signIn(proof, who) {
    await this.password(who);
    if (proof) await proof();
    await this.at("Stay signed in?");
    await this.press("No");
  }
}

function authorize(origin, client, redirect, more = {}) {
  const query = new URLSearchParams({
    client_id: client,
    response_type: "code",
    redirect_uri: redirect,
    scope: "openid profile User.Read",
    ...more,
  });
  return `${origin}/${tenant}/oauth2/v2.0/authorize?${query}`;
}

function base32(text) {
  const bits = [...text.replace(/\s/g, "")]
    .map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0"))
    .join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

/** The code of now, or of so many steps later. */
function code(secret, later = 0) {
  const step = Buffer.alloc(8);
  step.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
  const tag = createHmac("sha1", secret).update(step).digest();
  const word = tag.readUInt32BE(tag[19] & 15) & 0x7fffffff;
  return String(word % 1_000_000).padStart(6, "0");
}

const cases = {
  async "sign-in"(open) {
    const client = await register({});
    for (const options of [{ colorScheme: "light" }, { colorScheme: "dark", viewport: { width: 320, height: 640 } }]) {
      const app = await listen();
      const visitor = await open({ ...options, ignoreHTTPSErrors: true });
      await visitor.page.goto(`${https}/`);
      await visitor.at("Bartizan is running");
      const more = { response_mode: "form_post", prompt: "consent" };
      await visitor.page.goto(authorize(https, client, app.address, more));
      await visitor.signIn();
      await visitor.at("Permissions requested");
      await visitor.press("Accept");
      const answer = await app.answered;
      assert.equal(answer.method, "POST");
      assert.ok(answer.code.length > 40, JSON.stringify(answer));
      app.close();
    }
    return "by form_post, light and dark, wide and narrow";
  },

  async "without scripts"(open) {
    const client = await register({});
    const app = await listen();
    const { page } = await open({ javaScriptEnabled: false, ignoreHTTPSErrors: true });
    await page.goto(authorize(https, client, app.address, { response_mode: "form_post" }));
    await page.getByLabel("User name").fill(user);
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "No", exact: true }).click();
    await page.getByRole("button", { name: "Accept" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
    assert.ok((await app.answered).code);
    app.close();
    return "every page works";
  },

  async "second factors"(open) {
    const first = await open();
    await first.page.goto(`${http}/mysecurityinfo`);
    await first.signIn();
    await first.at("Your security info");
    await first.press("Add a second factor");
    await first.at("Set up a second factor");
    const secret = base32(await first.page.locator("code.key").innerText());
    await first.page.getByRole("textbox", { name: "Code" }).fill(code(secret));
    await first.press("Set up the app");
    await first.at("Your security info");

    // A code works once: the next step's is accepted already.
    const second = await open();
    const devtools = await second.page.context().newCDPSession(second.page);
    await devtools.send("WebAuthn.enable");
    const options = { protocol: "ctap2", transport: "usb", automaticPresenceSimulation: true };
    await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
    await second.page.goto(`${http}/mysecurityinfo`);
    await second.signIn(async () => {
      await second.at("Prove that it is you");
      await second.page.getByLabel("Code of your authenticator app").fill(code(secret, 1));
      await second.press("Verify");
    });
    await second.at("Your security info");
    await second.press("Add a second factor");
    await second.at("Set up a second factor");
    await second.press("Set up a passkey");
    await second.at("Your security info");
    await second.page.goto(`${http}/common/oauth2/logout`);
    await second.at("You are signed out");
    await second.page.goto(`${http}/mysecurityinfo`);
    await second.signIn(async () => {
      await second.at("Prove that it is you");
      await second.press("Use a passkey");
    });
    await second.at("Your security info");
    for (const name of ["Remove Authenticator app", "Remove Passkey"]) {
      await second.press(name);
      await second.page.getByText("The second factor is removed.").waitFor();
    }
    return "an authenticator app and a passkey, set up, used and removed";
  },

  async "a new password"(open) {
    const client = await register({});
    for (const options of [{ colorScheme: "light" }, { colorScheme: "dark", viewport: { width: 320, height: 640 } }]) {
      const walker = await person({ forceChangePasswordNextSignIn: true });
      const app = await listen();
      const visitor = await open(options);
      const { page } = visitor;
      const chosen = `Chosen-${Date.now()}-by-day`;
      await page.goto(authorize(http, client, app.address));
      await visitor.password(walker);
      await visitor.at("Update your password");
      // By the keyboard alone: the first field has the focus.
      const type = async (...fields) => {
        for (const [index, text] of fields.entries()) {
          if (index) await page.keyboard.press("Tab");
          await page.keyboard.type(text);
        }
        await page.keyboard.press("Enter");
      };
      await type(walker.password, "short", "short");
      await page.getByRole("alert").waitFor();
      await visitor.at("Update your password");
      await type(walker.password, chosen, chosen);
      await visitor.at("Stay signed in?");
      await visitor.press("No");
      await visitor.at("Permissions requested");
      await visitor.press("Accept");
      assert.ok((await app.answered).code);
      app.close();
      // Of one's own accord.
      await page.goto(`${http}/mysecurityinfo`);
      await visitor.at("Your security info");
      await visitor.press("Change your password");
      await visitor.at("Update your password");
      await type(chosen, `${chosen}-again`, `${chosen}-again`);
      await page.getByText("The password is changed.").waitFor();
      await visitor.at("Your security info");
    }
    return "demanded and chosen, light and dark, wide and narrow";
  },

  async "admin consent"(open) {
    const roles = [{ id: "a9790345-4595-42e4-971a-ccdc79f19b7c", type: "Role" }];
    const client = await register({
      requiredResourceAccess: [{ resourceAppId: XDR, resourceAccess: roles }],
      signInAudience: "AzureADMultipleOrgs",
    });
    const app = await listen();
    const visitor = await open();
    const query = new URLSearchParams({ client_id: client, redirect_uri: app.address, state: "7" });
    await visitor.page.goto(`${http}/${tenant}/adminconsent?${query}`);
    await visitor.signIn();
    await visitor.at("Permissions requested");
    await visitor.press("Accept");
    const answer = await app.answered;
    assert.equal(answer.admin_consent, "True");
    assert.equal(answer.tenant, tenant);
    app.close();
    await visitor.page.goto(`${http}/${tenant}/adminconsent?client_id=${client}&redirect_uri=https://evil.example`);
    await visitor.page.getByText("AADSTS50011").first().waitFor();
    return "accepted; an unregistered address is refused";
  },

  async "device code"(open) {
    const client = await register({});
    const asked = await post(`${https}/${tenant}/oauth2/v2.0/devicecode`, { client_id: client, scope: "User.Read" });
    const visitor = await open();
    await visitor.page.goto(`${http}/devicelogin`);
    await visitor.at("Enter the code");
    await visitor.page.keyboard.type(asked.user_code);
    await visitor.page.keyboard.press("Enter");
    await visitor.signIn();
    await visitor.at("Permissions requested");
    await visitor.press("Accept");
    await visitor.at("Is it you who signs in?");
    await visitor.press("Continue");
    await visitor.at("The device is signed in");
    const answer = await post(`${https}/${tenant}/oauth2/v2.0/token`, {
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
      client_id: client,
      device_code: asked.device_code,
    });
    assert.ok(answer.access_token, JSON.stringify(answer));
    return "the device has its token";
  },

  async "refusals and explanations"(open) {
    const client = await register({});
    const walker = await person();
    const scope = "https://api.security.microsoft.com/Incident.Read";
    for (const options of [{ colorScheme: "light" }, { colorScheme: "dark", viewport: { width: 320, height: 640 } }]) {
      const visitor = await open(options);
      const { page } = visitor;
      // What only an administrator may grant.
      await page.goto(authorize(http, client, "http://localhost:1/", { scope }));
      await visitor.signIn(undefined, walker);
      await visitor.at("Approval required");
      const approval = await page.locator("a[href^='/explain/']").getAttribute("href");
      await page.goto(`${http}${approval}`);
      await visitor.at("Nothing to tell");
      // An error that no application may be told, and what its code means.
      await page.goto(authorize(http, client, "https://evil.example/"));
      await visitor.at("Sign-in did not work");
      await page.getByRole("link", { name: "AADSTS50011" }).click();
      await visitor.at("AADSTS50011");
      await page.goto(`${http}/error?code=1`);
      await visitor.at("Unknown code");
      // A device that was not meant.
      const asked = await post(`${https}/${tenant}/oauth2/v2.0/devicecode`, { client_id: client, scope: "User.Read" });
      await page.goto(`${http}/devicelogin`);
      await visitor.at("Enter the code");
      await page.keyboard.type(asked.user_code);
      await page.keyboard.press("Enter");
      await visitor.at("Permissions requested");
      await visitor.press("Cancel");
      await visitor.at("The device was refused");
      // A second account beside the first, and what it may read.
      await page.goto(authorize(http, client, "http://localhost:1/", { prompt: "select_account" }));
      await visitor.at("Pick an account");
      await visitor.press("Use another account");
      await visitor.signIn();
      await visitor.at("Permissions requested");
      await page.goto(`${http}${approval}`);
      await visitor.at("Why it was refused");
      await page.goto(authorize(http, client, "http://localhost:1/"));
      await visitor.at("Pick an account");
    }
    return "pages that say no and why, light and dark, wide and narrow";
  },
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const open = async (options) => new Visitor(await (await browser.newContext(options)).newPage());
  console.log(await cases[process.argv[2]](open));
} finally {
  await browser.close();
}
