//! The portal's steps by program: register an application, say what it needs, consent, make a secret.
//!
//! Microsoft Graph's own calls, so that the same methods work on a Bartizan server and in the cloud.

use bartizan_contract::graph::{
    AddPasswordRequest, AppRoleAssignment, Application, NewAppRoleAssignment, NewPassword,
    PasswordCredential, RequiredResourceAccess, ServicePrincipal,
};
use bartizan_contract::{AppId, ObjectId};
use futures::TryStreamExt as _;
use reqwest::Method;
use serde_json::json;

use crate::client::Client;
use crate::cloud::Service;
use crate::error::Error;

/// Calls to the directory.
#[derive(Debug, Clone, Copy)]
pub struct Directory<'a>(pub(crate) &'a Client);

/// What [`Directory::consent`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consent {
    /// Values of the app roles and scopes that were granted now.
    pub granted: Vec<String>,
    /// Values of those that were granted before.
    pub held: Vec<String>,
}

impl Directory<'_> {
    /// Every application registration of the tenant.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn applications(&self) -> Result<Vec<Application>, Error> {
        self.0
            .collection(Service::Graph, "/v1.0/applications")
            .try_collect()
            .await
    }

    /// The applications with this display name.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn named(&self, name: &str) -> Result<Vec<Application>, Error> {
        let filter = format!("displayName eq '{}'", name.replace('\'', "''"));
        self.filtered(&filter).await
    }

    async fn filtered(&self, filter: &str) -> Result<Vec<Application>, Error> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("$filter", filter)
            .finish();
        let path = format!("/v1.0/applications?{query}");
        self.0.collection(Service::Graph, &path).try_collect().await
    }

    /// The application with this client id, object id or display name. Several by one name are an error.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn find(&self, name: &str) -> Result<Option<Application>, Error> {
        let id = name.parse::<AppId>().is_ok();
        let mut found = match id {
            true => self.filtered(&format!("appId eq '{name}'")).await?,
            false => self.named(name).await?,
        };
        if found.len() > 1 {
            let ids: Vec<String> = found.iter().map(|app| app.app_id.to_string()).collect();
            return Err(Error::Configuration(format!(
                "{} applications are named {name}; use the client id: {}",
                found.len(),
                ids.join(", ")
            )));
        }
        if found.is_empty() && id {
            let path = format!("/v1.0/applications/{name}");
            return match self.0.raw_empty(Service::Graph, Method::GET, &path).await {
                Ok(answer) => answer.json().map(Some),
                Err(error) if error.status().is_some_and(|status| status == 404) => Ok(None),
                Err(error) => Err(error),
            };
        }
        Ok(found.pop())
    }

    /// Registers an application and its service principal in this tenant, as the portal does in one step.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn register(
        &self,
        display_name: &str,
        multi_tenant: bool,
    ) -> Result<(Application, ServicePrincipal), Error> {
        let audience = if multi_tenant {
            "AzureADMultipleOrgs"
        } else {
            "AzureADMyOrg"
        };
        let body = json!({ "displayName": display_name, "signInAudience": audience });
        let application: Application = self.post("/v1.0/applications", &body).await?;
        let body = json!({ "appId": application.app_id });
        let principal = self.post("/v1.0/servicePrincipals", &body).await?;
        Ok((application, principal))
    }

    /// Changes what `body` names of an application.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn update(
        &self,
        application: ObjectId,
        body: &serde_json::Value,
    ) -> Result<(), Error> {
        let path = format!("/v1.0/applications/{application}");
        self.0
            .raw(Service::Graph, Method::PATCH, &path, Some(body))
            .await?;
        Ok(())
    }

    /// Replaces what an application says it needs (`requiredResourceAccess`).
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn require(
        &self,
        application: ObjectId,
        access: &[RequiredResourceAccess],
    ) -> Result<(), Error> {
        let path = format!("/v1.0/applications/{application}");
        let body = json!({ "requiredResourceAccess": access });
        self.0
            .raw(Service::Graph, Method::PATCH, &path, Some(&body))
            .await?;
        Ok(())
    }

    /// Makes a secret; its text is in the answer and nowhere else. `end` is an ISO 8601 time.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn add_password(
        &self,
        application: ObjectId,
        password: NewPassword,
    ) -> Result<PasswordCredential, Error> {
        let path = format!("/v1.0/applications/{application}/addPassword");
        let body = AddPasswordRequest {
            password_credential: Some(password),
        };
        self.0
            .raw(Service::Graph, Method::POST, &path, Some(&body))
            .await?
            .json()
    }

    /// The service principal of an application in this tenant.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn service_principal(
        &self,
        app_id: AppId,
    ) -> Result<Option<ServicePrincipal>, Error> {
        let path = format!("/v1.0/servicePrincipals(appId='{app_id}')");
        match self.0.raw_empty(Service::Graph, Method::GET, &path).await {
            Ok(answer) => answer.json().map(Some),
            Err(error) if error.status().is_some_and(|status| status == 404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The app roles that a service principal holds.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn assignments(&self, principal: ObjectId) -> Result<Vec<AppRoleAssignment>, Error> {
        let path = format!("/v1.0/servicePrincipals/{principal}/appRoleAssignments");
        self.0.collection(Service::Graph, &path).try_collect().await
    }

    /// Grants, as administrator, what an application says it needs: app roles to itself, scopes in the name of
    /// everybody, as the portal's button does.
    ///
    /// # Errors
    /// Every variant of [`Error`]; what was granted before a failure stays granted.
    pub async fn consent(&self, application: &Application) -> Result<Consent, Error> {
        let principal = match self.service_principal(application.app_id).await? {
            Some(principal) => principal,
            None => {
                let body = json!({ "appId": application.app_id });
                self.post("/v1.0/servicePrincipals", &body).await?
            }
        };
        let held = self.assignments(principal.id).await?;
        let mut consent = Consent::default();
        for wanted in &application.required_resource_access {
            let resource = self
                .service_principal(wanted.resource_app_id)
                .await?
                .ok_or_else(|| {
                    Error::Configuration(format!(
                        "the resource {} has no service principal in this tenant",
                        wanted.resource_app_id
                    ))
                })?;
            for access in &wanted.resource_access {
                // Scopes are granted below, all of a resource at once.
                let role = resource.app_roles.iter().find(|role| role.id == access.id);
                let Some(role) = role else { continue };
                let name = role.value.clone().unwrap_or_else(|| role.id.to_string());
                let has = |a: &AppRoleAssignment| {
                    a.resource_id == resource.id && a.app_role_id == role.id
                };
                if held.iter().any(has) {
                    consent.held.push(name);
                    continue;
                }
                let body = NewAppRoleAssignment {
                    principal_id: principal.id,
                    resource_id: resource.id,
                    app_role_id: role.id,
                };
                let path = format!(
                    "/v1.0/servicePrincipals/{}/appRoleAssignments",
                    principal.id
                );
                self.0
                    .raw(Service::Graph, Method::POST, &path, Some(&body))
                    .await?;
                consent.granted.push(name);
            }
            self.consent_to_scopes(&principal, &resource, wanted, &mut consent)
                .await?;
        }
        Ok(consent)
    }

    async fn consent_to_scopes(
        &self,
        principal: &ServicePrincipal,
        resource: &ServicePrincipal,
        wanted: &RequiredResourceAccess,
        consent: &mut Consent,
    ) -> Result<(), Error> {
        let scopes: Vec<String> = resource
            .oauth2_permission_scopes
            .iter()
            .filter(|scope| wanted.resource_access.iter().any(|w| w.id == scope.id))
            .filter_map(|scope| scope.value.clone())
            .collect();
        if scopes.is_empty() {
            return Ok(());
        }
        let (client, resource) = (principal.id.to_string(), resource.id.to_string());
        let people = self.0.people();
        let (_, added) = people.grant(&client, &resource, None, &scopes).await?;
        let (granted, held): (Vec<String>, Vec<String>) =
            scopes.into_iter().partition(|scope| added.contains(scope));
        consent.granted.extend(granted);
        consent.held.extend(held);
        Ok(())
    }

    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, Error> {
        self.0
            .raw(Service::Graph, Method::POST, path, Some(body))
            .await?
            .json()
    }
}
