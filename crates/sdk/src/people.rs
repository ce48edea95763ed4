//! People, groups, roles and delegated grants by Graph's own calls; device groups and Defender roles by Bartizan's.
//!
//! Objects come as JSON, as the server prints them: Graph's have more properties than a client should know by heart.

use futures::TryStreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::cloud::Service;
use crate::error::Error;

/// Calls about who is who and who may what.
#[derive(Debug, Clone, Copy)]
pub struct People<'a>(pub(crate) &'a Client);

/// A collection of objects with ids of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `/users`
    User,
    /// `/groups`
    Group,
    /// `/servicePrincipals`
    ServicePrincipal,
    /// `/oauth2PermissionGrants`
    Grant,
    /// `/roleManagement/directory/roleAssignments`
    RoleAssignment,
    /// `/roleManagement/directory/roleDefinitions`
    RoleDefinition,
    /// `/bartizan/v1/deviceGroups`
    DeviceGroup,
    /// `/bartizan/v1/defenderRoles`
    DefenderRole,
    /// `/bartizan/v1/defenderRoleAssignments`
    DefenderRoleAssignment,
}

impl Kind {
    const fn path(self) -> &'static str {
        match self {
            Self::User => "/v1.0/users",
            Self::Group => "/v1.0/groups",
            Self::ServicePrincipal => "/v1.0/servicePrincipals",
            Self::Grant => "/v1.0/oauth2PermissionGrants",
            Self::RoleAssignment => "/v1.0/roleManagement/directory/roleAssignments",
            Self::RoleDefinition => "/v1.0/roleManagement/directory/roleDefinitions",
            Self::DeviceGroup => "/bartizan/v1/deviceGroups",
            Self::DefenderRole => "/bartizan/v1/defenderRoles",
            Self::DefenderRoleAssignment => "/bartizan/v1/defenderRoleAssignments",
        }
    }

    const fn service(self) -> Service {
        match self {
            Self::DeviceGroup | Self::DefenderRole | Self::DefenderRoleAssignment => Service::Own,
            _ => Service::Graph,
        }
    }

    fn one(self, id: &str) -> String {
        format!("{}/{}", self.path(), segment(id))
    }

    /// `$select`: Graph leaves out of a user, unless asked, whether the account is enabled.
    const fn select(self) -> Option<&'static str> {
        match self {
            Self::User => Some(
                "id,displayName,givenName,surname,userPrincipalName,mail,jobTitle,department,accountEnabled,userType",
            ),
            _ => None,
        }
    }

    /// A path of this kind with its `$select` and a filter.
    fn asked(self, path: String, filter: Option<&str>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("$select", self.select()), ("$filter", filter)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        match query.finish() {
            query if query.is_empty() => path,
            query => format!("{path}?{query}"),
        }
    }
}

/// An id as a segment of a path.
fn segment(id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    // A path has no `+` for a space.
    id.replace('+', "%20")
}

/// Of our own: the second factors of a user, by object id or principal name.
fn second_factors(user: &str) -> String {
    format!("/bartizan/v1/users/{}/secondFactors", segment(user))
}

impl People<'_> {
    /// Every object of a collection that `filter` (OData) lets through.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn list(&self, kind: Kind, filter: Option<&str>) -> Result<Vec<Value>, Error> {
        let path = kind.asked(kind.path().to_owned(), filter);
        self.0.collection(kind.service(), &path).try_collect().await
    }

    /// One object by id, a user by principal name too; `None` when there is none.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn get(&self, kind: Kind, id: &str) -> Result<Option<Value>, Error> {
        let path = kind.asked(kind.one(id), None);
        match self.0.raw_empty(kind.service(), Method::GET, &path).await {
            Ok(answer) => answer.json().map(Some),
            Err(error) if error.status().is_some_and(|status| status == 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an object.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn create(&self, kind: Kind, body: &Value) -> Result<Value, Error> {
        self.0
            .raw(kind.service(), Method::POST, kind.path(), Some(body))
            .await?
            .json()
    }

    /// Changes what `body` names of an object.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn update(&self, kind: Kind, id: &str, body: &Value) -> Result<(), Error> {
        let path = kind.one(id);
        self.0
            .raw(kind.service(), Method::PATCH, &path, Some(body))
            .await?;
        Ok(())
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn delete(&self, kind: Kind, id: &str) -> Result<(), Error> {
        let path = kind.one(id);
        self.0
            .raw_empty(kind.service(), Method::DELETE, &path)
            .await?;
        Ok(())
    }

    /// Grants delegated permissions of a resource to a client (both by the object id of their service principals), for
    /// everybody or for one user: makes a grant, or widens the one that is there. Gives the grant and the scopes that
    /// were not in it before.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn grant(
        &self,
        client: &str,
        resource: &str,
        user: Option<&str>,
        scopes: &[String],
    ) -> Result<(Value, Vec<String>), Error> {
        let filter = format!("clientId eq '{client}' and resourceId eq '{resource}'");
        let there = self.list(Kind::Grant, Some(&filter)).await?;
        let same = there
            .into_iter()
            .find(|grant| grant["principalId"].as_str() == user);
        let Some(mut grant) = same else {
            let mut body = json!({
                "clientId": client,
                "consentType": if user.is_some() { "Principal" } else { "AllPrincipals" },
                "resourceId": resource,
                "scope": scopes.join(" "),
            });
            if let Some(user) = user {
                body["principalId"] = json!(user);
            }
            let made = self.create(Kind::Grant, &body).await?;
            return Ok((made, scopes.to_vec()));
        };
        let scope = grant["scope"].as_str().unwrap_or_default();
        let mut words: Vec<&str> = scope.split_whitespace().collect();
        let added: Vec<String> = scopes
            .iter()
            .filter(|scope| !words.contains(&scope.as_str()))
            .cloned()
            .collect();
        if added.is_empty() {
            return Ok((grant, added));
        }
        words.extend(added.iter().map(String::as_str));
        let scope = words.join(" ");
        let id = grant["id"].as_str().unwrap_or_default();
        let body = json!({ "scope": scope });
        self.update(Kind::Grant, id, &body).await?;
        grant["scope"] = json!(scope);
        Ok((grant, added))
    }

    /// Ends everything that a user is signed in to.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn revoke_sessions(&self, user: &str) -> Result<(), Error> {
        let path = format!("{}/revokeSignInSessions", Kind::User.one(user));
        self.0
            .raw_empty(Service::Graph, Method::POST, &path)
            .await?;
        Ok(())
    }

    /// The person who is signed in.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn me(&self) -> Result<Value, Error> {
        self.0
            .raw_empty(Service::Graph, Method::GET, "/v1.0/me")
            .await?
            .json()
    }

    /// Whether a user must have a second factor, and which there are: of a Bartizan server alone.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn second_factors(&self, user: &str) -> Result<Value, Error> {
        self.0
            .raw_empty(Service::Own, Method::GET, &second_factors(user))
            .await?
            .json()
    }

    /// Says whether a user must have a second factor. Gives what [`Self::second_factors`] gives after it.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn require_second_factor(&self, user: &str, required: bool) -> Result<Value, Error> {
        let body = json!({ "required": required });
        self.0
            .raw(
                Service::Own,
                Method::PATCH,
                &second_factors(user),
                Some(&body),
            )
            .await?
            .json()
    }

    /// Takes all second factors away from a user. Gives how many there were.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn reset_second_factors(&self, user: &str) -> Result<u64, Error> {
        let answer: Value = self
            .0
            .raw_empty(Service::Own, Method::DELETE, &second_factors(user))
            .await?
            .json()?;
        Ok(answer["removed"].as_u64().unwrap_or_default())
    }

    /// The direct members of a group.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn members(&self, group: &str) -> Result<Vec<Value>, Error> {
        let path = format!("{}/members", Kind::Group.one(group));
        self.0.collection(Service::Graph, &path).try_collect().await
    }

    /// Puts a user, group or service principal into a group.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn add_member(&self, group: &str, member: &str) -> Result<(), Error> {
        let path = format!("{}/members/$ref", Kind::Group.one(group));
        let reference = format!("https://graph.microsoft.com/v1.0/directoryObjects/{member}");
        let body = json!({ "@odata.id": reference });
        self.0
            .raw(Service::Graph, Method::POST, &path, Some(&body))
            .await?;
        Ok(())
    }

    /// Takes a member out of a group.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn remove_member(&self, group: &str, member: &str) -> Result<(), Error> {
        let path = format!("{}/members/{member}/$ref", Kind::Group.one(group));
        self.0
            .raw_empty(Service::Graph, Method::DELETE, &path)
            .await?;
        Ok(())
    }

    /// Puts devices into a device group; 0 takes them out of theirs. Gives how many of them there are.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn put_machines(&self, group: i64, machines: &[String]) -> Result<i64, Error> {
        let path = format!("{}/machines", Kind::DeviceGroup.one(&group.to_string()));
        let body = json!({ "machines": machines });
        let answer: Value = self
            .0
            .raw(Service::Own, Method::POST, &path, Some(&body))
            .await?
            .json()?;
        Ok(answer["moved"].as_i64().unwrap_or_default())
    }
}
