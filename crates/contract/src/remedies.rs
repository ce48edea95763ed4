//! What to do about an error: one sentence for each code of the authorization server, of Defender and of Graph. The
//! errors page and `bartizan explain` are made from these. What is wrong with calls themselves is in [`calls`].

mod apis;
pub mod calls;

pub use apis::APIS;

/// What to do about an AADSTS code.
#[must_use]
pub fn of_identity(code: u32) -> Option<&'static str> {
    IDENTITY
        .binary_search_by_key(&code, |row| row.0)
        .ok()
        .map(|i| IDENTITY[i].1)
}

/// Cause and remedy of an error code of Defender or Graph, by its exact text.
#[must_use]
pub fn of_api(code: &str) -> Option<(&'static str, &'static str)> {
    let row = APIS.iter().find(|row| row.0 == code)?;
    Some((row.1, row.2))
}

/// What to do, by AADSTS code, in rising order.
pub const IDENTITY: &[(u32, &str)] = &[
    (
        16_000,
        "Let the person choose an account of this tenant, or sign out of the others.",
    ),
    (
        28_002,
        "Ask for scopes of an API; those of sign-in alone give no access token.",
    ),
    (
        28_003,
        "Name the scope in the redemption, as in the authorization request.",
    ),
    (
        50_000,
        "Repeat the request later, and report the trace id when it stays.",
    ),
    (
        50_001,
        "Switch the resource's service principal on in this tenant, or ask for another resource.",
    ),
    (
        50_011,
        "Register the redirect URI on the application exactly as it is sent: scheme, host, port, path and letter case.",
    ),
    (
        50_012,
        "Register the certificate that signs the assertion, and compare its thumbprint with the assertion's header.",
    ),
    (
        50_013,
        "Send the access token that the user's client sent to this API, unchanged.",
    ),
    (
        50_020,
        "Sign in with an account of this tenant, or invite the user as a guest first.",
    ),
    (
        50_027,
        "Send a JWT signed with RS256 or PS256 whose header names the certificate, with issuer and subject the client id and audience the token endpoint.",
    ),
    (
        50_034,
        "Compare the user name with those of the tenant, the part after the @ included.",
    ),
    (
        50_048,
        "Set both iss and sub of the assertion to the client id.",
    ),
    (
        50_049,
        "Name an authority host that this server knows, or tell the library that the authority is trusted (validate_authority, knownAuthorities).",
    ),
    (
        50_050,
        "Send authorization_endpoint as a complete https URL.",
    ),
    (
        50_053,
        "Wait a minute or more for the lock to end, or let an administrator set a new password, which ends it; find out who sends wrong ones.",
    ),
    (
        50_055,
        "Sign in on a page, which asks for a new password: an administrator wants this one changed. `bartizan user update USER --must-change false` takes that back.",
    ),
    (
        50_056,
        "Let an administrator set a password for the user, or sign in another way.",
    ),
    (50_057, "Let an administrator switch the account on."),
    (
        50_058,
        "Begin an interactive sign-in: there is no session that prompt=none could use.",
    ),
    (
        50_059,
        "Put the tenant's id or domain in the path in place of common or organizations.",
    ),
    (
        50_076,
        "Begin an interactive sign-in, so that the person can give the second factor.",
    ),
    (
        50_079,
        "Begin an interactive sign-in, so that the person can set up a second factor.",
    ),
    (
        50_089,
        "Begin the sign-in again; the page stood open too long.",
    ),
    (
        50_105,
        "Assign the user to the application, or switch off that it requires assignment.",
    ),
    (
        50_126,
        "Compare user name and password; a reset needs an administrator.",
    ),
    (
        50_128,
        "Put the tenant's id in the path, or use a user name whose domain belongs to a tenant.",
    ),
    (
        50_147,
        "Send the code_verifier (43 to 128 characters) that belongs to the code_challenge.",
    ),
    (
        50_158,
        "Begin an interactive sign-in; a further check waits there.",
    ),
    (
        50_166,
        "Make the issuer's discovery document and keys reachable for this server, or register its keys.",
    ),
    (
        50_173,
        "Begin an interactive sign-in: the sessions were revoked, or the password was changed.",
    ),
    (
        50_194,
        "Put the tenant's id in the path, or let the application be used by other tenants.",
    ),
    (
        50_196,
        "Keep the token that was given, and do not ask for it in a loop.",
    ),
    (53_000, "Use a device that the tenant's policy accepts."),
    (
        53_003,
        "Let an administrator look at the policies that apply to this user and application.",
    ),
    (54_005, "Redeem a code once; begin the sign-in again."),
    (
        65_001,
        "Let the user consent, or an administrator for everybody, to the permissions that are asked for.",
    ),
    (
        65_002,
        "Ask for the resource with an application of your own.",
    ),
    (
        65_004,
        "Repeat the sign-in and accept, or ask for fewer permissions.",
    ),
    (
        65_005,
        "Add the resource to what the application asks for, and consent again.",
    ),
    (
        70_000,
        "Begin the sign-in again: the code or refresh token is not of this client, or no longer good.",
    ),
    (
        70_001,
        "Compare client id and tenant; the application must be in this tenant and switched on.",
    ),
    (70_002, "Compare the client id and the secret's value."),
    (
        70_003,
        "Use one of the grants that the discovery document lists.",
    ),
    (70_005, "Use response_type=code."),
    (
        70_007,
        "Use response_mode query, fragment or form_post; tokens never come in a query.",
    ),
    (70_008, "Begin the sign-in again; codes live for minutes."),
    (
        70_011,
        "Write scopes as RESOURCE/PERMISSION, and .default alone.",
    ),
    (
        70_016,
        "Wait for the person, and ask again after the interval.",
    ),
    (
        70_018,
        "Type the code as it was shown, or ask for a new one.",
    ),
    (70_019, "Begin the device sign-in again."),
    (70_020, "Begin the device sign-in again."),
    (70_021, "Begin the device sign-in again."),
    (
        70_043,
        "Begin an interactive sign-in: the tenant limits how long a session lasts.",
    ),
    (
        90_002,
        "Compare the tenant in the path with the id or a domain of a tenant of this server.",
    ),
    (
        90_008,
        "Let the application ask at least for sign-in and the user's profile.",
    ),
    (
        90_009,
        "Name the application's own id, not its URI, when it asks for a token for itself.",
    ),
    (90_014, "Send the field that the message names."),
    (90_015, "Send long requests by POST."),
    (
        90_023,
        "Compare the request with the protocol's documentation.",
    ),
    (90_033, "Repeat the request later."),
    (
        90_038,
        "Use the authority of the cloud in which the tenant lives.",
    ),
    (
        90_055,
        "Wait as long as Retry-After says, and keep tokens until they expire.",
    ),
    (90_094, "Let an administrator consent for the tenant."),
    (
        90_100,
        "Give the parameter that the message names a value, or leave it out.",
    ),
    (90_102, "Send redirect_uri as an absolute URI."),
    (90_119, "Type the code that the device shows."),
    (
        90_120,
        "Begin the device sign-in again; a code is used once.",
    ),
    (
        240_002,
        "Send an access token as the assertion, not an id_token.",
    ),
    (
        500_011,
        "Compare the resource with the identifier URIs that the tenant knows; consent to an application brings its API into the tenant.",
    ),
    (
        500_112,
        "Send the same redirect_uri when redeeming the code as in the authorization request.",
    ),
    (500_121, "Give the current code, or use the passkey."),
    (
        500_131,
        "Send an access token whose audience is the API that redeems it.",
    ),
    (
        500_133,
        "Get a new access token from the user's client, and send that.",
    ),
    (
        501_051,
        "Assign the application to the resource, or switch off that the resource requires assignment.",
    ),
    (
        501_481,
        "Send the code_verifier whose SHA-256 is the code_challenge.",
    ),
    (501_491, "Send an S256 code_challenge of 43 characters."),
    (
        530_032,
        "Let an administrator look at the tenant's security policy.",
    ),
    (
        650_052,
        "Enable the service in the tenant before asking for it.",
    ),
    (
        650_056,
        "Add permissions of the resource to what the application asks for, and consent.",
    ),
    (
        650_057,
        "Add the resource to what the application asks for.",
    ),
    (700_005, "Redeem the code at the tenant that issued it."),
    (
        700_016,
        "Compare client id and tenant; register the application there, or let an administrator of the tenant consent to it.",
    ),
    (700_020, "Begin an interactive sign-in."),
    (
        700_021,
        "Set iss and sub of the assertion to the client id that is sent.",
    ),
    (700_022, "Ask for one resource at a time."),
    (
        700_023,
        "Set aud of the assertion to the token endpoint of the tenant.",
    ),
    (
        700_024,
        "Make a new assertion of a few minutes, and compare the clocks.",
    ),
    (
        700_025,
        "Send no secret from a public client, or register the platform as a confidential one.",
    ),
    (
        700_027,
        "Register the certificate that signs the assertion: bartizan app certificate add; bartizan app certificate list tells which are.",
    ),
    (
        700_030,
        "Use a certificate whose subject is registered for the application.",
    ),
    (
        700_051,
        "Use response_type=code; access tokens are not given by redirect.",
    ),
    (
        700_054,
        "Switch on id_tokens by redirect on the application, or use response_type=code.",
    ),
    (
        700_082,
        "Begin an interactive sign-in; the refresh token was not used for too long.",
    ),
    (
        700_084,
        "Begin an interactive sign-in; a single-page application's refresh token lives for a day.",
    ),
    (
        700_211,
        "Compare iss of the assertion with the issuer of the federated credential, letter by letter: bartizan app federation list.",
    ),
    (
        700_212,
        "Compare aud of the assertion with the audience of the federated credential: bartizan app federation list.",
    ),
    (
        700_213,
        "Compare sub of the assertion with the subject of the federated credential, letter by letter: bartizan app federation list.",
    ),
    (900_023, "Put the tenant's id or domain in the path."),
    (
        900_144,
        "Send the parameter that the message names, in a body of type application/x-www-form-urlencoded.",
    ),
    (900_561, "Send the request by POST."),
    (
        900_971,
        "Send redirect_uri, and register it on the application.",
    ),
    (
        901_002,
        "Use scope=RESOURCE/.default on a v2.0 endpoint, or the v1 endpoint with resource.",
    ),
    (
        1_002_012,
        "An application asks for RESOURCE/.default; which permissions it gets is decided by consent.",
    ),
    (
        5_002_727,
        "Leave the property that the message names out of the assertion's header.",
    ),
    (
        7_000_014,
        "Begin again when the person is ready to approve.",
    ),
    (
        7_000_112,
        "Let an administrator switch the application's service principal on.",
    ),
    (
        7_000_114,
        "Send a user's token: applications cannot act on behalf of applications.",
    ),
    (
        7_000_215,
        "Send the secret's value, which was shown once, not its id; make a new secret when it is lost.",
    ),
    (
        7_000_216,
        "Send client_secret or client_assertion with the request.",
    ),
    (
        7_000_218,
        "Send client_secret or client_assertion, or register the redirect URI on a public platform.",
    ),
    (
        7_000_222,
        "Make a new secret, and put it where the client reads it.",
    ),
    (
        7_000_272,
        "Publish the key that signed the assertion in the issuer's key set.",
    ),
    (
        7_002_138,
        "Write the subject of the federated credential with the letter case that the issuer sends.",
    ),
    (
        9_001_023,
        "Put the tenant's id in the path, or organizations.",
    ),
    (
        9_002_313,
        "Compare the request with the protocol's documentation: a parameter is malformed, too long or given twice.",
    ),
    (9_002_325, "Send code_challenge and code_verifier (PKCE)."),
    (
        9_002_326,
        "Register the redirect URI on the single-page application platform, or redeem the code from a server.",
    ),
    (
        9_002_327,
        "Redeem the code from the browser, or register the redirect URI on another platform.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_errors::{ApiErrorCode, GraphErrorCode};
    use crate::identity_errors::ERRORS;

    #[test]
    fn every_code_has_a_remedy_and_no_other_has() {
        assert!(IDENTITY.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for error in ERRORS {
            assert!(of_identity(error.code).is_some(), "{}", error.code);
        }
        for (code, text) in IDENTITY {
            let known = ERRORS.iter().any(|error| error.code == *code);
            assert!(known && text.ends_with('.'), "{code}");
        }
        let defender = ApiErrorCode::ALL.iter().map(|code| code.as_str());
        let graph = GraphErrorCode::ALL.iter().map(|code| code.as_str());
        for code in defender.chain(graph) {
            assert!(of_api(code).is_some(), "{code}");
        }
        assert!(APIS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
