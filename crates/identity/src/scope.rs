//! The scopes of user flows: what of OpenID Connect, and which permissions of which resources.

use bartizan_contract::first_party::MICROSOFT_GRAPH;

use crate::refusal::Refusal;
use crate::resource::{ResourceName, Scope};

/// The scopes of OpenID Connect, which belong to no resource. They are kept, consented to and
/// listed with those of Microsoft Graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenIdScopes {
    /// `openid`: an ID token.
    pub openid: bool,
    /// `profile`: the user's name in it.
    pub profile: bool,
    /// `email`: the address in it.
    pub email: bool,
    /// `offline_access`: a refresh token.
    pub offline_access: bool,
}

impl OpenIdScopes {
    /// The words, in the order of Microsoft's documents.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        [
            (self.openid, "openid"),
            (self.profile, "profile"),
            (self.email, "email"),
            (self.offline_access, "offline_access"),
        ]
        .into_iter()
        .filter_map(|(asked, word)| asked.then_some(word))
        .collect()
    }

    /// Those of them that are among others, too.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self {
            openid: self.openid && others.openid,
            profile: self.profile && others.profile,
            email: self.email && others.email,
            offline_access: self.offline_access && others.offline_access,
        }
    }

    /// Takes a word; false when it is none of them.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let flag = match word {
            "openid" => &mut self.openid,
            "profile" => &mut self.profile,
            "email" => &mut self.email,
            "offline_access" => &mut self.offline_access,
            _ => return false,
        };
        *flag = true;
        true
    }
}

/// What is asked of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRequest {
    /// The resource, as it was called.
    pub resource: ResourceName,
    /// Whether it was called by no name: scopes of Microsoft Graph in short form.
    pub bare: bool,
    /// `.default`, or v1's `resource`: all that was granted.
    pub all_granted: bool,
    /// Whether `/.default` was written, so that the answer repeats it.
    pub wrote_default: bool,
    /// Permissions by name.
    pub permissions: Vec<String>,
}

impl ResourceRequest {
    /// What v1's `resource` asks.
    #[must_use]
    pub fn of_v1(resource: &str) -> Self {
        Self {
            resource: ResourceName::new(resource),
            bare: false,
            all_granted: true,
            wrote_default: false,
            permissions: Vec::new(),
        }
    }

    /// Microsoft Graph, which OpenID scopes alone mean.
    #[must_use]
    pub fn of_graph() -> Self {
        Self {
            resource: ResourceName::new(&MICROSOFT_GRAPH.to_string()),
            bare: true,
            all_granted: false,
            wrote_default: false,
            permissions: Vec::new(),
        }
    }

    /// Takes in what is asked of the same resource under another name.
    fn take_in(&mut self, other: Self) {
        self.all_granted |= other.all_granted;
        self.wrote_default |= other.wrote_default;
        for permission in other.permissions {
            let known = |p: &String| p.eq_ignore_ascii_case(&permission);
            if !self.permissions.iter().any(known) {
                self.permissions.push(permission);
            }
        }
    }

    /// A permission as the answer's `scope` writes it.
    #[must_use]
    pub fn written(&self, permission: &str) -> String {
        if self.bare {
            permission.to_owned()
        } else {
            format!("{}/{permission}", self.resource.as_str())
        }
    }
}

/// A `scope` parameter, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserScopes {
    /// Of OpenID Connect.
    pub openid: OpenIdScopes,
    /// Of resources, in the order in which they were first named.
    pub resources: Vec<ResourceRequest>,
}

/// Scopes that one parameter may name: more than any client asks for.
const MOST_SCOPES: usize = 400;
/// Resources that one parameter may name. Each is looked up in the directory before anybody has proved anything.
const MOST_RESOURCES: usize = 20;

impl UserScopes {
    /// Reads a `scope` parameter.
    ///
    /// # Errors
    /// [`Refusal::ScopeInvalid`] when it is empty, when a scope is no scope, when `.default` is mixed with names, and when it
    /// names more than anybody needs.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let invalid = || Refusal::ScopeInvalid {
            scope: text.chars().take(200).collect(),
        };
        let mut scopes = Self::default();
        let (mut defaults, mut names, mut any) = (false, false, false);
        for (count, word) in text.split_ascii_whitespace().enumerate() {
            if count == MOST_SCOPES {
                return Err(invalid());
            }
            any = true;
            if scopes.openid.take(word) {
                continue;
            }
            let scope = Scope::parse(word);
            if scope.permission.is_empty() || scope.resource.as_str().is_empty() {
                return Err(invalid());
            }
            defaults |= scope.is_default();
            names |= !scope.is_default();
            scopes.add(scope, !word.contains('/'));
            if scopes.resources.len() > MOST_RESOURCES {
                return Err(invalid());
            }
        }
        if !any || (defaults && names) {
            return Err(invalid());
        }
        Ok(scopes)
    }

    fn add(&mut self, scope: Scope, bare: bool) {
        let known = self
            .resources
            .iter_mut()
            .find(|r| r.resource.as_str() == scope.resource.as_str());
        let entry = match known {
            Some(entry) => entry,
            None => {
                self.resources.push(ResourceRequest {
                    resource: scope.resource.clone(),
                    bare,
                    all_granted: false,
                    wrote_default: false,
                    permissions: Vec::new(),
                });
                let last = self.resources.len() - 1;
                &mut self.resources[last]
            }
        };
        if scope.is_default() {
            entry.all_granted = true;
            entry.wrote_default = true;
        } else if !entry
            .permissions
            .iter()
            .any(|p| p.eq_ignore_ascii_case(&scope.permission))
        {
            entry.permissions.push(scope.permission);
        }
    }

    /// The same with the resources that are one under several names taken together, under the first of these.
    #[must_use]
    pub fn merged(self, same: impl Fn(&str, &str) -> bool) -> Self {
        let mut resources: Vec<ResourceRequest> = Vec::new();
        for resource in self.resources {
            let name = resource.resource.as_str();
            match resources
                .iter_mut()
                .find(|known| same(known.resource.as_str(), name))
            {
                Some(known) => known.take_in(resource),
                None => resources.push(resource),
            }
        }
        Self { resources, ..self }
    }

    /// The one resource that a token is for; Microsoft Graph when only OpenID scopes were named.
    ///
    /// # Errors
    /// [`Refusal::ScopeOfSeveralResources`].
    pub fn one_resource(&self) -> Result<ResourceRequest, Refusal> {
        match self.resources.as_slice() {
            [] => Ok(ResourceRequest::of_graph()),
            [one] => Ok(one.clone()),
            _ => Err(Refusal::ScopeOfSeveralResources),
        }
    }

    /// The resource of the first scope, which wins where several may be named.
    #[must_use]
    pub fn first_resource(&self) -> ResourceRequest {
        match self.resources.first() {
            Some(first) => first.clone(),
            None => ResourceRequest::of_graph(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_sorted_by_resource() {
        let scopes = UserScopes::parse(
            "User.Read openid https://api.security.microsoft.com/Incident.Read offline_access \
             https://api.security.microsoft.com/incident.read Mail.Read",
        )
        .unwrap();
        assert_eq!(scopes.openid.words(), ["openid", "offline_access"]);
        let named: Vec<_> = scopes
            .resources
            .iter()
            .map(|r| (r.resource.as_str(), r.bare, r.permissions.join(" ")))
            .collect();
        assert_eq!(
            named,
            [
                (
                    "00000003-0000-0000-c000-000000000000",
                    true,
                    "User.Read Mail.Read".to_owned()
                ),
                (
                    "https://api.security.microsoft.com",
                    false,
                    "Incident.Read".to_owned()
                ),
            ]
        );
        assert_eq!(scopes.one_resource().unwrap_err().code(), 700_022);
        assert!(scopes.first_resource().bare);
    }

    #[test]
    fn names_of_one_resource_are_taken_together() {
        let slash = |name: &str| name.trim_end_matches('/').to_owned();
        let scopes = UserScopes::parse("https://x/A https://x//B https://x//a https://y/C")
            .unwrap()
            .merged(|a, b| slash(a) == slash(b));
        assert_eq!(scopes.resources.len(), 2);
        assert_eq!(scopes.resources[0].resource.as_str(), "https://x");
        assert_eq!(scopes.resources[0].permissions, ["A", "B"]);
        assert_eq!(scopes.one_resource().unwrap_err().code(), 700_022);
    }

    #[test]
    fn a_parameter_names_no_more_than_anybody_needs() {
        let resources = |count: usize| -> String {
            let scopes = (0..count).map(|number| format!("https://x{number}.example/Read "));
            scopes.collect()
        };
        let most = UserScopes::parse(&resources(MOST_RESOURCES)).unwrap();
        assert_eq!(most.resources.len(), MOST_RESOURCES);
        for wrong in [
            resources(MOST_RESOURCES + 1),
            "User.Read ".repeat(MOST_SCOPES + 1),
        ] {
            assert_eq!(UserScopes::parse(&wrong).unwrap_err().code(), 70_011);
        }
    }

    #[test]
    fn defaults_do_not_mix_with_names() {
        let fine = UserScopes::parse("https://x//.default openid profile").unwrap();
        let one = fine.one_resource().unwrap();
        assert_eq!(one.resource.as_str(), "https://x/");
        assert!(one.all_granted);
        assert_eq!(one.written(".default"), "https://x//.default");
        for wrong in [
            "https://x/.default https://y/Read",
            "https://x/.default https://x/Read",
            "",
            "  ",
            "/Read",
            "https://x/",
        ] {
            let refusal = UserScopes::parse(wrong).unwrap_err();
            assert_eq!(refusal.code(), 70_011, "{wrong}");
        }
        let graph = UserScopes::parse("openid").unwrap().one_resource().unwrap();
        assert_eq!(graph, ResourceRequest::of_graph());
    }
}
