//! What accepting writes, and who may.

use bartizan_contract::access::{APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR};
use bartizan_contract::graph::{RequiredResourceAccess, ResourceAccess};
use uuid::Uuid;

use super::*;
use crate::authorize::tests::{facts, session};
use crate::authorize::{Interactions, Setting, Step};
use crate::facts::RoleFact;
use crate::issuer::Version;
use crate::tenant::TenantPath;

/// An application that lists a permission of each kind, consented to by nobody, and a user with
/// these roles.
fn fresh(roles: &[Uuid]) -> UserFacts {
    let mut facts = facts();
    facts.grants.clear();
    let access = |id, kind| ResourceAccess {
        id: Uuid::from_u128(id),
        kind,
    };
    facts.apis[0].roles.push(RoleFact {
        id: Uuid::from_u128(21),
        value: "Everything".to_owned(),
        title: String::new(),
        description: String::new(),
    });
    if let (Some(client), Some(user)) = (&mut facts.client, &mut facts.user) {
        client.required = vec![RequiredResourceAccess {
            resource_app_id: MICROSOFT_GRAPH,
            resource_access: vec![
                access(11, ResourceAccessType::Scope),
                access(21, ResourceAccessType::Role),
            ],
        }];
        user.directory_roles = roles.to_vec();
    }
    facts
}

fn step(facts: &UserFacts, version: Version, scope: Option<&str>) -> AdminStep {
    let request = AdminConsentRequest {
        version,
        client_id: "00000000-0000-0000-0000-000000000002".to_owned(),
        redirect_uri: Some("https://app.example/cb".to_owned()),
        scope: scope.map(str::to_owned),
        state: None,
    };
    decide_admin(
        &request,
        facts,
        Some(&session()),
        Interactions::default(),
        Setting {
            path: &TenantPath::Common,
            own_origins: &[],
            now: 1_700_000_000,
        },
    )
}

#[test]
fn an_administrator_consents_for_everybody() {
    let facts = fresh(&[GLOBAL_ADMINISTRATOR]);
    let AdminStep::Consent(_, prompt) = step(&facts, Version::V1, None) else {
        panic!("an administrator may");
    };
    let user = facts.user.as_ref().unwrap();
    let written = accept(&prompt, Choice::Own, user).unwrap();
    assert_eq!(written.roles.len(), 1);
    assert_eq!(written.grants.len(), 1);
    assert_eq!(written.grants[0].principal, None, "whatever the choice");
    assert_eq!(written.grants[0].scopes, ["openid", "profile", "User.Read"]);
    // v2 grants what is named; app roles only with `.default`.
    let AdminStep::Consent(_, prompt) = step(&facts, Version::V2, Some("User.Read.All")) else {
        panic!("an administrator may");
    };
    assert!(prompt.apis[0].roles.is_empty());
}

#[test]
fn others_may_not_and_roles_of_graph_take_more() {
    for (roles, may) in [
        (&[][..], false),
        (&[APPLICATION_ADMINISTRATOR][..], false),
        (&[GLOBAL_ADMINISTRATOR][..], true),
    ] {
        let found = step(&fresh(roles), Version::V1, None);
        assert_eq!(matches!(found, AdminStep::Consent(..)), may, "{found:?}");
    }
    for (api, reaches) in [(Api::Graph, true), (Api::Bartizan, true), (Api::Mde, false)] {
        let resource = bartizan_contract::permissions::resource_of(api).unwrap();
        assert_eq!(reaches_to_roles(resource.app_id), reaches, "{api:?}");
    }
    let nobody = decide_admin(
        &AdminConsentRequest {
            version: Version::V1,
            client_id: String::new(),
            redirect_uri: Some("https://evil.example".to_owned()),
            scope: None,
            state: None,
        },
        &fresh(&[]),
        None,
        Interactions::default(),
        Setting {
            path: &TenantPath::Common,
            own_origins: &[],
            now: 0,
        },
    );
    assert!(matches!(nobody, AdminStep::Page(Step::ErrorPage(_))));
}

#[test]
fn a_prompt_serves_who_it_was_made_for() {
    let facts = fresh(&[GLOBAL_ADMINISTRATOR]);
    let AdminStep::Consent(_, prompt) = step(&facts, Version::V1, None) else {
        panic!("an administrator may");
    };
    let mut other = facts.user.clone().unwrap();
    other.id = bartizan_contract::ObjectId::from_u128(99);
    let refused = accept(&prompt, Choice::Organization, &other).unwrap_err();
    assert_eq!(refused.code(), 90_094);
    let mut demoted = facts.user.clone().unwrap();
    demoted.directory_roles.clear();
    let refused = accept(&prompt, Choice::Organization, &demoted).unwrap_err();
    assert_eq!(refused.code(), 90_094);
}
