// Asks the browser for a passkey and puts its answer into the form. Everything is checked by the server.
"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

async function create(options) {
  options.challenge = bytes(options.challenge);
  options.user.id = bytes(options.user.id);
  for (const known of options.excludeCredentials) known.id = bytes(known.id);
  const made = await navigator.credentials.create({ publicKey: options });
  return {
    clientData: text(made.response.clientDataJSON),
    authenticatorData: text(made.response.getAuthenticatorData()),
  };
}

async function get(options) {
  options.challenge = bytes(options.challenge);
  for (const known of options.allowCredentials) known.id = bytes(known.id);
  const used = await navigator.credentials.get({ publicKey: options });
  return {
    id: text(used.rawId),
    clientData: text(used.response.clientDataJSON),
    authenticatorData: text(used.response.authenticatorData),
    signature: text(used.response.signature),
  };
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const error = form.querySelector(".error");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    try {
      if (!window.PublicKeyCredential) throw new Error("This browser has no passkeys.");
      const options = JSON.parse(form.dataset.options);
      const answer = form.dataset.passkey === "create" ? await create(options) : await get(options);
      form.elements.answer.value = JSON.stringify(answer);
      form.submit();
    } catch (problem) {
      error.textContent =
        problem.name === "NotAllowedError"
          ? "No passkey was used. Try again, or use another way."
          : `The passkey could not be used: ${problem.message}`;
      error.hidden = false;
    }
  });
}
