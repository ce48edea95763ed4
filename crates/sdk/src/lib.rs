//! One client for Bartizan and for Microsoft's public and national clouds.
//!
//! A [`Client`] holds a credential for one tenant and speaks the three dialects over one send pipeline: take a token
//! from the cache or the authority, send, and on 429 and 5xx wait as the answer says and try again.
//!
//! ```no_run
//! # async fn example() -> Result<(), bartizan_sdk::Error> {
//! use bartizan_sdk::{Client, Cloud, ClientSecret};
//! use futures::TryStreamExt as _;
//!
//! let credential = ClientSecret::new("11111111-2222-3333-4444-555555555555", "the secret");
//! let client = Client::builder(Cloud::public(), "contoso.onmicrosoft.com", credential).build()?;
//! let mut incidents = client.incidents().list(&Default::default());
//! while let Some(incident) = incidents.try_next().await? {
//!     println!("{} {}", incident.incident_id, incident.incident_name);
//! }
//! # Ok(())
//! # }
//! ```

mod application_credentials;
pub mod client;
pub mod cloud;
pub mod credential;
pub mod directory;
pub mod error;
pub mod hunting;
pub mod paging;
pub mod people;
pub mod pipeline;

pub use client::Client;
pub use cloud::Cloud;
pub use credential::{
    Anonymous, Browser, ClientCertificate, ClientSecret, DeviceCode, WorkloadIdentity,
};
pub use error::Error;
