//! What applications prove themselves by: secrets, certificates and federated credentials, through Graph's calls; their
//! last use and an early end, through Bartizan's.

use bartizan_contract::ObjectId;
use bartizan_contract::graph::{
    FederatedIdentityCredential, FederatedIdentityCredentialUpdate, KeyCredential,
    RemovePasswordRequest,
};
use bartizan_contract::time::Timestamp;
use futures::TryStreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::Service;
use crate::directory::Directory;
use crate::error::Error;

/// Of our own: the listing of credentials with their last use.
const CREDENTIALS: &str = "/bartizan/v1/credentials";

impl Directory<'_> {
    /// Removes a secret by its id.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn remove_password(&self, application: ObjectId, key_id: Uuid) -> Result<(), Error> {
        let path = format!("/v1.0/applications/{application}/removePassword");
        let body = RemovePasswordRequest { key_id };
        self.0
            .raw(Service::Graph, Method::POST, &path, Some(&body))
            .await?;
        Ok(())
    }

    /// Makes an application's certificates these: those that are there and named by their id alone stay.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn set_keys(
        &self,
        application: ObjectId,
        keys: &[KeyCredential],
    ) -> Result<(), Error> {
        self.update(application, &json!({ "keyCredentials": keys }))
            .await
    }

    /// An application's federated credentials.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn federations(
        &self,
        application: ObjectId,
    ) -> Result<Vec<FederatedIdentityCredential>, Error> {
        self.0
            .collection(Service::Graph, &federations(application))
            .try_collect()
            .await
    }

    /// Trusts tokens of another issuer for an application.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn add_federation(
        &self,
        application: ObjectId,
        new: &FederatedIdentityCredentialUpdate,
    ) -> Result<FederatedIdentityCredential, Error> {
        let path = federations(application);
        self.0
            .raw(Service::Graph, Method::POST, &path, Some(new))
            .await?
            .json()
    }

    /// Ends that trust.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn remove_federation(&self, application: ObjectId, id: Uuid) -> Result<(), Error> {
        let path = format!("{}/{id}", federations(application));
        self.0
            .raw_empty(Service::Graph, Method::DELETE, &path)
            .await?;
        Ok(())
    }

    /// The credentials of all applications with their last use: as JSON, and on a Bartizan server alone.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn credentials(&self) -> Result<Vec<Value>, Error> {
        self.0
            .collection(Service::Own, CREDENTIALS)
            .try_collect()
            .await
    }

    /// Lets a secret end earlier than it would: on a Bartizan server alone.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn end_password(&self, key_id: Uuid, end: Timestamp) -> Result<(), Error> {
        let path = format!("{CREDENTIALS}/{key_id}");
        let body = json!({ "endDateTime": end });
        self.0
            .raw(Service::Own, Method::PATCH, &path, Some(&body))
            .await?;
        Ok(())
    }

    /// Deletes an application registration.
    ///
    /// # Errors
    /// Every variant of [`Error`].
    pub async fn delete(&self, application: ObjectId) -> Result<(), Error> {
        let path = format!("/v1.0/applications/{application}");
        self.0
            .raw_empty(Service::Graph, Method::DELETE, &path)
            .await?;
        Ok(())
    }
}

fn federations(application: ObjectId) -> String {
    format!("/v1.0/applications/{application}/federatedIdentityCredentials")
}
