//! Tables of what comes next.

use bartizan_contract::access::GLOBAL_ADMINISTRATOR;
use bartizan_contract::first_party::MICROSOFT_GRAPH;
use bartizan_contract::{AppId, ObjectId, TenantId};
use uuid::Uuid;

use super::*;
use crate::authentication::Authentication;
use crate::client_auth::Credentials;
use crate::facts::{
    ApiFact, ClientFact, GrantFact, PresenceFact, Publisher, ScopeFact, UserConsent, UserFacts,
};
use crate::grant::client_credentials::{ApplicationFact, TenantFact};
use crate::issuer::Version;
use crate::optional_claims::ClaimsWanted;
use crate::redirect::RedirectUris;
use crate::tenant::TenantPath;
use crate::user::UserFact;

const HOME: TenantId = TenantId::from_u128(1);
const CLIENT: AppId = AppId::from_u128(2);
const USER: ObjectId = ObjectId::from_u128(3);
const API: ObjectId = ObjectId::from_u128(4);
const NOW: i64 = 1_700_000_000;

pub(crate) fn facts() -> UserFacts {
    let scope = |id, value: &str, admin| ScopeFact {
        id: Uuid::from_u128(id),
        value: value.to_owned(),
        admin,
        enabled: true,
        title: String::new(),
        description: String::new(),
    };
    UserFacts {
        tenant: Some(TenantFact {
            id: HOME,
            region: "EU".to_owned(),
            created: 0,
            domains: vec!["contoso.com".to_owned()],
        }),
        client: Some(ClientFact {
            application: ApplicationFact {
                app_id: CLIENT,
                home: HOME,
                display_name: "App".to_owned(),
                multi_tenant: true,
                credentials: Credentials::default(),
            },
            redirect_uris: RedirectUris {
                web: vec!["https://app.example/cb".to_owned()],
                spa: vec!["https://spa.example/".to_owned()],
                public_client: Vec::new(),
            },
            fallback_public: false,
            implicit_id_tokens: false,
            required: Vec::new(),
            publisher: Publisher::default(),
            id_claims: ClaimsWanted::default(),
            user_roles: Vec::new(),
            principal: Some(PresenceFact {
                id: ObjectId::from_u128(5),
                enabled: true,
                assignment_required: false,
                user_is_assigned: false,
            }),
        }),
        user: Some(UserFact {
            id: USER,
            tenant: HOME,
            upn: "ada@contoso.com".to_owned(),
            display_name: "Ada".to_owned(),
            given_name: None,
            surname: None,
            mail: None,
            guest: false,
            enabled: true,
            directory_roles: Vec::new(),
            sessions_valid_from: 0,
            password_changed: 0,
            second_factor_required: false,
            second_factor_set_up: false,
        }),
        apis: vec![ApiFact {
            principal: Some(API),
            app_id: MICROSOFT_GRAPH,
            display_name: "Microsoft Graph".to_owned(),
            names: vec![MICROSOFT_GRAPH.to_string()],
            enabled: true,
            assignment_required: false,
            user_is_assigned: false,
            user_roles: Vec::new(),
            scopes: vec![
                scope(11, "User.Read", false),
                scope(12, "User.Read.All", true),
            ],
            roles: Vec::new(),
            client_roles: Vec::new(),
            preauthorized: Vec::new(),
            access_token_version: None,
            claims: ClaimsWanted::default(),
        }],
        grants: vec![GrantFact {
            resource: API,
            principal: Some(USER),
            scopes: vec!["openid".to_owned(), "user.read".to_owned()],
        }],
        user_consent: UserConsent::All,
    }
}

pub(crate) fn session() -> Authentication {
    Authentication {
        tenant: HOME,
        user: USER,
        at: NOW - 100,
        methods: vec!["pwd".to_owned()],
        session: Uuid::from_u128(9),
        address: None,
    }
}

const QUERY: &str = "client_id=00000000-0000-0000-0000-000000000002&response_type=code&\
    redirect_uri=https://app.example/cb&scope=openid User.Read&state=a%26b";

fn request(version: Version, query: &str) -> AuthorizeRequest {
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    AuthorizeRequest::parse(version, &pairs).unwrap()
}

fn step_with(query: &str, facts: &UserFacts, signed_in: bool, done: Interactions) -> Step {
    let session = session();
    decide(
        &request(Version::V2, query),
        facts,
        signed_in.then_some(&session),
        done,
        Setting {
            path: &TenantPath::Id(HOME),
            own_origins: &[],
            now: NOW,
        },
    )
}

fn step(query: &str, facts: &UserFacts) -> Step {
    step_with(query, facts, true, Interactions::default())
}

/// The AADSTS code, and whether it may travel by redirect.
fn code(step: &Step) -> Option<(u32, bool)> {
    match step {
        Step::ErrorPage(refusal) => Some((refusal.code(), false)),
        Step::ErrorRedirect(_, refusal) => Some((refusal.code(), true)),
        _ => None,
    }
}

#[test]
fn nothing_is_redirected_before_it_is_known_where_to() {
    let facts = facts();
    for (query, expected) in [
        (QUERY.replace("app.example", "evil.example"), 50_011),
        (QUERY.replace("/cb", "/cb/../x"), 50_011),
    ] {
        assert_eq!(code(&step(&query, &facts)), Some((expected, false)));
    }
    let mut unknown = facts.clone();
    unknown.client = None;
    assert_eq!(code(&step(QUERY, &unknown)), Some((700_016, false)));
    let mut nowhere = facts.clone();
    nowhere.tenant = None;
    assert_eq!(code(&step(QUERY, &nowhere)), Some((90_002, false)));
    let mut single = facts;
    if let Some(client) = &mut single.client {
        client.application.multi_tenant = false;
        client.application.home = TenantId::from_u128(77);
    }
    assert_eq!(code(&step(QUERY, &single)), Some((700_016, false)));
}

#[test]
fn what_is_wrong_with_a_known_client_s_request_is_told_to_it() {
    let facts = facts();
    for (more, expected) in [
        ("&response_mode=pigeon", 70_007),
        ("&prompt=none+login", 90_100),
        ("&prompt=later", 90_100),
        ("&max_age=-1", 90_100),
        ("&code_challenge=short&code_challenge_method=S256", 501_491),
        ("&resource=x", 901_002),
    ] {
        let found = step(&format!("{QUERY}{more}"), &facts);
        assert_eq!(code(&found), Some((expected, true)), "{more}");
    }
    for (from, to, expected) in [
        ("response_type=code", "response_type=token", 700_051),
        ("response_type=code", "response_type=magic", 70_005),
        ("response_type=code", "response_type=id_token", 700_054),
        ("scope=openid User.Read", "scope=", 900_144),
        ("User.Read", "Nothing.Read", 70_011),
        ("User.Read", "https://nobody.example/x", 500_011),
        ("app.example/cb", "spa.example/", 9_002_325),
    ] {
        let found = step(&QUERY.replace(from, to), &facts);
        assert_eq!(code(&found), Some((expected, true)), "{to}");
    }
}

#[test]
fn sessions_and_prompts() {
    let facts = facts();
    let done = Interactions::default();
    let out = |query: &str| step_with(query, &facts, false, done);
    assert!(matches!(out(QUERY), Step::SignIn { .. }));
    assert_eq!(
        code(&out(&format!("{QUERY}&prompt=none"))),
        Some((50_058, true))
    );
    assert!(matches!(step(QUERY, &facts), Step::Issue(_)));
    let login = format!("{QUERY}&prompt=login");
    assert!(matches!(step(&login, &facts), Step::SignIn { .. }));
    let signed_in = Interactions {
        signed_in: true,
        ..done
    };
    assert!(matches!(
        step_with(&login, &facts, true, signed_in),
        Step::Issue(_)
    ));
    let pick = format!("{QUERY}&prompt=select_account");
    assert_eq!(step(&pick, &facts), Step::PickAccount);
    let old = format!("{QUERY}&max_age=99");
    assert!(matches!(step(&old, &facts), Step::SignIn { .. }));
    let hint = format!("{QUERY}&login_hint=bob@contoso.com");
    assert!(matches!(
        step(&hint, &facts),
        Step::SignIn {
            login_hint: Some(_),
            ..
        }
    ));

    let mut strict = facts.clone();
    let mut disabled = facts.clone();
    let mut revoked = facts.clone();
    let mut changed = facts.clone();
    if let (Some(a), Some(b), Some(c), Some(d)) = (
        &mut strict.user,
        &mut disabled.user,
        &mut revoked.user,
        &mut changed.user,
    ) {
        a.second_factor_required = true;
        a.second_factor_set_up = true;
        b.enabled = false;
        c.sessions_valid_from = NOW - 50;
        d.password_changed = NOW - 50;
    }
    assert_eq!(step(QUERY, &strict), Step::SecondFactor);
    assert_eq!(
        code(&step(&format!("{QUERY}&prompt=none"), &strict)),
        Some((50_076, true))
    );
    assert_eq!(code(&step(QUERY, &disabled)), Some((50_057, false)));
    assert!(matches!(step(QUERY, &revoked), Step::SignIn { .. }));
    assert!(matches!(step(QUERY, &changed), Step::SignIn { .. }));
    let mut closed = facts;
    if let Some(principal) = closed.client.as_mut().and_then(|c| c.principal.as_mut()) {
        principal.assignment_required = true;
    }
    assert_eq!(code(&step(QUERY, &closed)), Some((50_105, true)));
}

#[test]
fn what_a_resource_lets_through_is_that_and_no_more() {
    let mut facts = facts();
    facts.grants.clear();
    facts.apis[0].preauthorized = vec!["User.Read".to_owned()];
    let alone = QUERY.replace("openid User.Read", "User.Read");
    assert!(matches!(step(&alone, &facts), Step::Issue(_)));
    for more in ["openid", "profile", "email", "offline_access"] {
        let query = QUERY.replace("openid User.Read", &format!("{more} User.Read"));
        let Step::Consent(prompt) = step(&query, &facts) else {
            panic!("nobody consented to {more}");
        };
        assert!(prompt.apis.is_empty(), "the resource is let through");
    }
}

#[test]
fn consent_is_asked_for_what_is_missing() {
    let facts = facts();
    let more = QUERY.replace("User.Read", "User.Read User.Read.All");
    let Step::NeedAdminApproval(prompt) = step(&more, &facts) else {
        panic!("a user may not grant it");
    };
    assert_eq!(prompt.apis[0].scopes.len(), 1, "only what is missing");
    assert_eq!(
        code(&step(&format!("{more}&prompt=none"), &facts)),
        Some((65_001, true))
    );
    let mut admin = facts.clone();
    if let Some(user) = &mut admin.user {
        user.directory_roles.push(GLOBAL_ADMINISTRATOR);
    }
    assert!(matches!(step(&more, &admin), Step::Consent(p) if p.may_accept_for_all));
    let mut fresh = facts;
    fresh.grants.clear();
    let Step::Consent(prompt) = step(QUERY, &fresh) else {
        panic!("the user may grant it");
    };
    assert!(prompt.sign_in.openid && !prompt.may_accept_for_all);
    fresh.user_consent = UserConsent::None;
    assert!(matches!(step(QUERY, &fresh), Step::NeedAdminApproval(_)));
}

#[test]
fn answers_travel_as_asked_and_escape_what_they_carry() {
    let Step::Issue(grant) = step(QUERY, &facts()) else {
        panic!("all is granted");
    };
    let answer = grant.answer(Some("c+d"), None, Uuid::from_u128(9));
    let location = answer.location().unwrap();
    assert!(
        location.starts_with("https://app.example/cb?code=c%2Bd&session_state="),
        "{location}"
    );
    assert!(location.ends_with("&state=a%26b"), "{location}");
    let posted = step(&format!("{QUERY}&response_mode=form_post"), &facts());
    let Step::Issue(grant) = posted else {
        panic!("all is granted");
    };
    let answer = grant.answer(Some("c"), None, Uuid::from_u128(9));
    assert_eq!(
        (answer.mode, answer.location()),
        (ResponseMode::FormPost, None)
    );
    let bare = Redirect {
        uri: "http://localhost:7071".to_owned(),
        ..grant.redirect.clone()
    };
    let bare = Redirect {
        mode: ResponseMode::Query,
        state: None,
        ..bare
    };
    let location = bare
        .answer(vec![("code".to_owned(), "x".to_owned())])
        .location();
    assert_eq!(location.as_deref(), Some("http://localhost:7071/?code=x"));
}

#[test]
fn only_what_is_read_is_kept() {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        owned.collect()
    };
    let sent = pairs(&[
        ("client_id", "a"),
        ("padding", "xxxxxxxx"),
        ("state", ""),
        ("client_info", "1"),
        ("client_id", "a"),
        ("scope", "openid"),
        ("client_info", "22"),
        ("claims", "{}"),
    ]);
    let kept = AuthorizeRequest::kept(&sent);
    let expected = [
        ("client_id", "a"),
        ("client_info", "1"),
        ("scope", "openid"),
    ];
    assert_eq!(kept, pairs(&expected));
    let read = AuthorizeRequest::parse(Version::V2, &sent).unwrap();
    let again = AuthorizeRequest::parse(Version::V2, &kept).unwrap();
    assert_eq!(
        AuthorizeRequest {
            claims: None,
            ..read
        },
        again
    );
}
