//! What a registration wants in tokens beyond the usual claims: groups of the user, and optional claims.
//!
//! Of an access token the resource's registration decides, of an ID token the client's (pages "Configure optional claims"
//! and "Configure group claims").

use std::collections::BTreeMap;

use bartizan_contract::ObjectId;
use bartizan_contract::graph::OptionalClaim;
use serde::{Deserialize, Serialize};

/// Most groups that a token names (documented for JWTs); of a user in more, it says where to ask.
const MOST: usize = 200;

/// What a registration wants in tokens beyond the usual claims.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClaimsWanted {
    /// The user's groups that a token shall name; `None` when it shall name none.
    pub groups: Option<Vec<ObjectId>>,
    /// Whether it shall name the user's directory roles (`wids`).
    pub directory_roles: bool,
    /// Claims by name.
    pub optional: Vec<OptionalClaim>,
}

/// Which groups `groupMembershipClaims` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupClaims {
    /// Security groups.
    pub security: bool,
    /// All others, too.
    pub others: bool,
    /// Directory roles.
    pub roles: bool,
    /// Of the groups, those that are assigned to the application.
    pub assigned: bool,
}

impl GroupClaims {
    /// Reads the property.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut wanted = Self::default();
        for word in text.split(',').map(str::trim) {
            match word {
                "All" => {
                    wanted.security = true;
                    wanted.others = true;
                    wanted.roles = true;
                }
                "SecurityGroup" => wanted.security = true,
                "DirectoryRole" => wanted.roles = true,
                "ApplicationGroup" => wanted.assigned = true,
                _ => {}
            }
        }
        wanted
    }

    /// Whether it asks for groups at all.
    #[must_use]
    pub const fn any(self) -> bool {
        self.security || self.others || self.assigned
    }
}

impl ClaimsWanted {
    /// Whether a claim is wanted by name.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.optional.iter().any(|claim| claim.name == name)
    }

    /// Whether a claim is wanted in a form of its own.
    pub(crate) fn wants_as(&self, name: &str, form: &str) -> bool {
        let mut named = self.optional.iter().filter(|claim| claim.name == name);
        named.any(|claim| claim.additional_properties.iter().any(|p| p == form))
    }

    /// The groups as a token of `user` names them.
    pub(crate) fn group_claims(&self, user: ObjectId) -> Groups {
        match &self.groups {
            None => Groups::default(),
            Some(ids) if ids.len() <= MOST => Groups {
                ids: ids.iter().map(ToString::to_string).collect(),
                ..Groups::default()
            },
            Some(_) => Groups {
                ids: Vec::new(),
                names: Some(ClaimNames {
                    groups: SOURCE.to_owned(),
                }),
                sources: Some(BTreeMap::from([(
                    SOURCE.to_owned(),
                    ClaimSource {
                        endpoint: format!(
                            "https://graph.microsoft.com/v1.0/users/{user}/getMemberObjects"
                        ),
                    },
                )])),
            },
        }
    }
}

const SOURCE: &str = "src1";

/// Groups in a token, or where to ask for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Groups {
    pub(crate) ids: Vec<String>,
    pub(crate) names: Option<ClaimNames>,
    pub(crate) sources: Option<BTreeMap<String, ClaimSource>>,
}

/// `_claim_names` (OpenID Connect Core section 5.6.2): which claims are to be had elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimNames {
    /// The source of the groups.
    pub groups: String,
}

/// A member of `_claim_sources`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimSource {
    /// Where to ask.
    pub endpoint: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_two_hundred_groups_and_then_say_where_to_ask() {
        let user = ObjectId::from_u128(1);
        let of = |count: u128| ClaimsWanted {
            groups: Some((0..count).map(ObjectId::from_u128).collect()),
            ..ClaimsWanted::default()
        };
        let few = of(200).group_claims(user);
        assert_eq!((few.ids.len(), few.names), (200, None));
        let many = of(201).group_claims(user);
        assert!(many.ids.is_empty());
        let source = &many.sources.expect("sources")[SOURCE];
        assert!(source.endpoint.contains(&user.to_string()), "{source:?}");
        assert_eq!(
            ClaimsWanted::default().group_claims(user),
            Groups::default()
        );
    }

    #[test]
    fn the_property_is_words_with_commas() {
        let all = GroupClaims::parse("All");
        assert!(all.security && all.others && all.roles && all.any());
        let some = GroupClaims::parse("SecurityGroup, DirectoryRole");
        assert!(some.security && some.roles && !some.others);
        assert!(!GroupClaims::parse("None").any());
        assert!(GroupClaims::parse("ApplicationGroup").assigned);
    }
}
