//! Bodies of Microsoft Graph: the directory objects of sign-in.
//!
//! Names and nullability follow Graph's metadata (v1.0). What is null is printed as `null`, as
//! Graph prints properties that are returned by default.

mod application;
mod credential;
mod grant;
mod organization;
mod service_principal;

pub use application::{AddPasswordRequest, NewPassword, RemovePasswordRequest};
pub use application::{
    ApiApplication, AppRole, Application, ApplicationUpdate, ImplicitGrantSettings, KeyCredential,
    OptionalClaim, OptionalClaims, PasswordCredential, PermissionScope, PreAuthorizedApplication,
    PublicClientApplication, RedirectUriSettings, RequiredResourceAccess, ResourceAccess,
    ResourceAccessType, SpaApplication, WebApplication,
};
pub use credential::{
    AddKeyRequest, FederatedIdentityCredential, FederatedIdentityCredentialUpdate, RemoveKeyRequest,
};
pub use grant::{
    AppRoleAssignment, ConsentType, NewAppRoleAssignment, NewOAuth2PermissionGrant,
    OAuth2PermissionGrant,
};
pub use organization::{Organization, VerifiedDomain};
pub use service_principal::{ServicePrincipal, ServicePrincipalUpdate};
