//! Refusals of the authorization server: each is an AADSTS code with its text and status.

use bartizan_contract::identity_errors::{self, Variant};
use bartizan_contract::time::{civil_from_ticks, ticks_from_unix_seconds};
use serde_json::{Value as Json, json};
use uuid::Uuid;

#[path = "refusal_user.rs"]
mod user;

pub use user::UserRefusal;

/// Why there is no token. Each kind is one row of the contract's table of AADSTS codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A parameter that must be there is not, or is empty.
    MissingParameter {
        /// Its name on the wire.
        name: &'static str,
    },
    /// Something does not parse, is too long, or is given twice.
    Malformed,
    /// The grant is not one of this endpoint's.
    UnsupportedGrant {
        /// What was sent.
        grant: String,
    },
    /// `resource` on a v2 endpoint.
    ResourceOnV2,
    /// The tenant's segment is neither a GUID nor a DNS name.
    TenantShape {
        /// The segment.
        tenant: String,
    },
    /// There is no such tenant.
    TenantUnknown {
        /// The segment.
        tenant: String,
    },
    /// A flow without a user on an endpoint without a tenant.
    TenantMissing,
    /// The application has no place in the tenant.
    ApplicationUnknown {
        /// Its id, as sent.
        client_id: String,
        /// The tenant's segment.
        tenant: String,
    },
    /// The application's presence in the tenant is switched off.
    ApplicationDisabled {
        /// Its id.
        client_id: String,
    },
    /// No secret and no assertion, where the grant demands one.
    CredentialMissing,
    /// No secret of the application is this one.
    SecretWrong {
        /// The application.
        client_id: String,
    },
    /// The secret is one of the application's, and out of date.
    SecretExpired {
        /// The application.
        client_id: String,
    },
    /// A client assertion that cannot be used.
    AssertionUnusable {
        /// Why.
        reason: String,
    },
    /// A client assertion about another application.
    AssertionForeign,
    /// A client assertion for somebody else.
    AssertionAudience {
        /// Its `aud`.
        audience: String,
    },
    /// A client assertion outside its time.
    AssertionTime {
        /// Which bound.
        reason: String,
    },
    /// A client assertion that no key of its owner verifies.
    AssertionSignature {
        /// How it names its key.
        thumbprint: String,
        /// Why.
        reason: &'static str,
    },
    /// No federated credential of the application is about this issuer.
    FederationIssuer {
        /// `iss` of the assertion.
        issuer: String,
    },
    /// None of the issuer's is about this subject.
    FederationSubject {
        /// `sub` of the assertion.
        subject: String,
    },
    /// Letter case alone tells the subject from a registered one.
    FederationCase,
    /// None of the issuer and the subject is for this audience.
    FederationAudience {
        /// `aud` of the assertion.
        audience: String,
    },
    /// A federated issuer's keys could not be had.
    IssuerUnreachable {
        /// The issuer.
        issuer: String,
        /// Why.
        reason: String,
    },
    /// A federated issuer publishes no key of this name.
    IssuerKeyUnknown {
        /// The issuer.
        issuer: String,
        /// The key's name.
        kid: String,
    },
    /// The scope is not one `{resource}/.default`.
    ScopeNotDefault {
        /// What was sent.
        scope: String,
    },
    /// The scope is not a scope, or mixes `.default` with names.
    ScopeInvalid {
        /// What was sent.
        scope: String,
    },
    /// Scopes of several resources.
    ScopeOfSeveralResources,
    /// The tenant knows no resource by that name.
    ResourceUnknown {
        /// What was sent.
        resource: String,
        /// The tenant.
        tenant: String,
    },
    /// The resource's presence in the tenant is switched off.
    ResourceDisabled {
        /// What was sent.
        resource: String,
    },
    /// The resource gives tokens only to those who are assigned to it.
    AssignmentRequired {
        /// The application.
        client_id: String,
        /// The resource.
        resource: String,
    },
    /// Another HTTP method.
    Method {
        /// What the endpoint accepts.
        valid: &'static str,
        /// What came.
        verb: String,
    },
    /// Instance discovery about a host that is not ours.
    InstanceUnknown,
    /// Instance discovery without a usable URL.
    InstanceMalformed,
    /// Too many requests.
    Throttled {
        /// Until the next may come, seconds.
        seconds: i64,
    },
    /// A fault of ours.
    Fault,
    /// Of the flows in which a person signs in.
    User(UserRefusal),
}

/// The wording of a 404 below `/{tenant}/oauth2/`, for which no AADSTS code is documented.
pub const NO_SUCH_ENDPOINT: &str = "There is no such endpoint.";

impl Refusal {
    /// The number after `AADSTS`.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::MissingParameter { .. } => 900_144,
            Self::Malformed => 9_002_313,
            Self::UnsupportedGrant { .. } => 70_003,
            Self::ResourceOnV2 => 901_002,
            Self::TenantShape { .. } => 900_023,
            Self::TenantUnknown { .. } => 90_002,
            Self::TenantMissing => 50_059,
            Self::ApplicationUnknown { .. } => 700_016,
            Self::ApplicationDisabled { .. } => 7_000_112,
            Self::CredentialMissing => 7_000_216,
            Self::SecretWrong { .. } => 7_000_215,
            Self::SecretExpired { .. } => 7_000_222,
            Self::AssertionUnusable { .. } => 50_027,
            Self::AssertionForeign => 700_021,
            Self::AssertionAudience { .. } => 700_023,
            Self::AssertionTime { .. } => 700_024,
            Self::AssertionSignature { .. } => 700_027,
            Self::FederationIssuer { .. } => 700_211,
            Self::FederationAudience { .. } => 700_212,
            Self::FederationSubject { .. } => 700_213,
            Self::FederationCase => 7_002_138,
            Self::IssuerUnreachable { .. } => 50_166,
            Self::IssuerKeyUnknown { .. } => 7_000_272,
            Self::ScopeNotDefault { .. } => 1_002_012,
            Self::ScopeInvalid { .. } => 70_011,
            Self::ScopeOfSeveralResources => 700_022,
            Self::ResourceUnknown { .. } => 500_011,
            Self::ResourceDisabled { .. } => 50_001,
            Self::AssignmentRequired { .. } => 501_051,
            Self::Method { .. } => 900_561,
            Self::InstanceUnknown => 50_049,
            Self::InstanceMalformed => 50_050,
            Self::Throttled { .. } => 90_055,
            Self::Fault => 50_000,
            Self::User(refusal) => refusal.code(),
        }
    }

    fn values(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::User(refusal) => refusal.values(),
            Self::MissingParameter { name } => vec![("name", name)],
            Self::UnsupportedGrant { grant } => vec![("grant", grant)],
            Self::TenantShape { tenant } | Self::TenantUnknown { tenant } => {
                vec![("tenant", tenant)]
            }
            Self::ApplicationUnknown { client_id, tenant } => {
                vec![("client_id", client_id), ("tenant", tenant)]
            }
            Self::ApplicationDisabled { client_id }
            | Self::SecretWrong { client_id }
            | Self::SecretExpired { client_id } => vec![("client_id", client_id)],
            Self::AssertionUnusable { reason } | Self::AssertionTime { reason } => {
                vec![("reason", reason)]
            }
            Self::AssertionAudience { audience } | Self::FederationAudience { audience } => {
                vec![("aud", audience)]
            }
            Self::AssertionSignature { thumbprint, reason } => {
                vec![("thumb", thumbprint), ("reason", reason)]
            }
            Self::FederationIssuer { issuer } => vec![("iss", issuer)],
            Self::FederationSubject { subject } => vec![("sub", subject)],
            Self::IssuerUnreachable { issuer, reason } => {
                vec![("iss", issuer), ("reason", reason)]
            }
            Self::IssuerKeyUnknown { issuer, kid } => vec![("iss", issuer), ("kid", kid)],
            Self::ScopeNotDefault { scope } | Self::ScopeInvalid { scope } => {
                vec![("scope", scope)]
            }
            Self::ResourceUnknown { resource, tenant } => {
                vec![("resource", resource), ("tenant", tenant)]
            }
            Self::ResourceDisabled { resource } => vec![("resource", resource)],
            Self::AssignmentRequired {
                client_id,
                resource,
            } => vec![("client_id", client_id), ("resource", resource)],
            Self::Method { valid, verb } => vec![("valid", valid), ("verb", verb)],
            Self::Malformed
            | Self::ResourceOnV2
            | Self::TenantMissing
            | Self::CredentialMissing
            | Self::AssertionForeign
            | Self::FederationCase
            | Self::ScopeOfSeveralResources
            | Self::InstanceUnknown
            | Self::InstanceMalformed
            | Self::Throttled { .. }
            | Self::Fault => Vec::new(),
        }
    }

    /// Whether a client tried to prove who it is, and failed. Who has no place in a tenant is not among them: partners ask
    /// many tenants in turn.
    #[must_use]
    pub const fn is_unproven(&self) -> bool {
        matches!(
            self,
            Self::SecretWrong { .. }
                | Self::SecretExpired { .. }
                | Self::AssertionUnusable { .. }
                | Self::AssertionForeign
                | Self::AssertionAudience { .. }
                | Self::AssertionTime { .. }
                | Self::AssertionSignature { .. }
                | Self::FederationIssuer { .. }
                | Self::FederationAudience { .. }
                | Self::FederationSubject { .. }
                | Self::FederationCase
                | Self::IssuerUnreachable { .. }
                | Self::IssuerKeyUnknown { .. }
        )
    }

    /// `AADSTS<code>: <text>`, without the ids that an answer adds.
    #[must_use]
    pub fn message(&self) -> String {
        let code = self.code();
        let text = identity_errors::identity_error(code)
            .map(|row| row.text(&self.values()))
            .unwrap_or_default();
        format!("AADSTS{code}: {text}")
    }

    /// The answer of the token endpoint.
    #[must_use]
    pub fn answer(&self, trace: &Trace) -> ErrorAnswer {
        self.answer_at("token", trace)
    }

    /// OAuth `error`, HTTP status and `suberror` at an endpoint that the table names.
    #[must_use]
    pub fn error_at(&self, endpoint: &str) -> (&'static str, u16, Option<&'static str>) {
        let Some(row) = identity_errors::identity_error(self.code()) else {
            return ("server_error", 500, None);
        };
        let here = |v: &&Variant| v.endpoints.contains(&endpoint);
        let variant = row.variants.iter().find(here);
        (
            variant.and_then(|v| v.error).unwrap_or(row.error),
            variant.and_then(|v| v.http).unwrap_or(row.http),
            variant.and_then(|v| v.suberror).or(row.suberror),
        )
    }

    /// The answer of an endpoint that the table names (`token`, `discovery`, `instance`): some
    /// codes come as another OAuth error there.
    #[must_use]
    pub fn answer_at(&self, endpoint: &str, trace: &Trace) -> ErrorAnswer {
        let code = self.code();
        let (error, status, suberror) = self.error_at(endpoint);
        let mut body = json!({
            "error": error,
            "error_description": trace.description(&self.message()),
            "error_codes": [code],
            "timestamp": trace.timestamp(),
            "trace_id": trace.trace_id,
            "correlation_id": trace.correlation_id,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        if let Some(suberror) = suberror {
            body["suberror"] = Json::from(suberror);
        }
        ErrorAnswer { status, body }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Refusal {}

/// An error as it goes out.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorAnswer {
    /// HTTP status.
    pub status: u16,
    /// The JSON body; no string of it needs an escape, because some clients borrow them.
    pub body: Json,
}

/// What identifies a request in an error's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// Also the header `x-ms-request-id`.
    pub trace_id: Uuid,
    /// The request's `client-request-id`, or one of ours.
    pub correlation_id: Uuid,
    /// Now, seconds since 1970.
    pub now: i64,
}

impl Trace {
    /// `2026-02-03 04:05:06Z`
    #[must_use]
    pub fn timestamp(&self) -> String {
        let c = civil_from_ticks(ticks_from_unix_seconds(self.now));
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}Z",
            c.year, c.month, c.day, c.hour, c.minute, c.second
        )
    }

    /// A message with the ids and the time after it, on one line, separated by single spaces.
    #[must_use]
    pub fn description(&self, message: &str) -> String {
        format!(
            "{message} Trace ID: {} Correlation ID: {} Timestamp: {}",
            self.trace_id,
            self.correlation_id,
            self.timestamp()
        )
    }

    /// An answer in the shape of an error for what has no AADSTS code: an unknown path (404).
    #[must_use]
    pub fn no_such_endpoint(&self) -> ErrorAnswer {
        ErrorAnswer {
            status: 404,
            body: json!({
                "error": "invalid_request",
                "error_description": self.description(NO_SUCH_ENDPOINT),
                "error_codes": [],
                "timestamp": self.timestamp(),
                "trace_id": self.trace_id,
                "correlation_id": self.correlation_id,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: Trace = Trace {
        trace_id: Uuid::from_u128(1),
        correlation_id: Uuid::from_u128(2),
        now: 1_700_000_000,
    };

    #[test]
    fn the_answer_has_the_documented_shape() {
        let refusal = Refusal::SecretWrong {
            client_id: "11111111-1111-1111-1111-111111111111".to_owned(),
        };
        let answer = refusal.answer(&TRACE);
        assert_eq!(answer.status, 401);
        assert_eq!(answer.body["error"], "invalid_client");
        assert_eq!(answer.body["error_codes"], json!([7_000_215]));
        assert_eq!(answer.body["timestamp"], "2023-11-14 22:13:20Z");
        let text = answer.body["error_description"].as_str().unwrap();
        assert!(text.starts_with("AADSTS7000215: "), "{text}");
        assert!(
            text.ends_with(
                " Trace ID: 00000000-0000-0000-0000-000000000001 \
                 Correlation ID: 00000000-0000-0000-0000-000000000002 \
                 Timestamp: 2023-11-14 22:13:20Z"
            ),
            "{text}"
        );
    }

    #[test]
    fn no_string_needs_an_escape_whatever_the_client_sent() {
        let nasty = "a\r\n\"b\\c\u{0}\t".to_owned();
        for refusal in [
            Refusal::UnsupportedGrant {
                grant: nasty.clone(),
            },
            Refusal::ApplicationUnknown {
                client_id: nasty.clone(),
                tenant: nasty.clone(),
            },
            Refusal::ScopeNotDefault { scope: nasty },
        ] {
            let text = refusal.answer(&TRACE).body.to_string();
            assert!(!text.contains('\\'), "{text}");
        }
    }

    #[test]
    fn every_refusal_has_its_row() {
        for (refusal, error, status) in [
            (
                Refusal::MissingParameter { name: "x" },
                "invalid_request",
                400,
            ),
            (Refusal::TenantMissing, "invalid_request", 400),
            (Refusal::CredentialMissing, "invalid_client", 401),
            (
                Refusal::Throttled { seconds: 1 },
                "temporarily_unavailable",
                429,
            ),
            (Refusal::Fault, "server_error", 500),
            (Refusal::ScopeOfSeveralResources, "invalid_scope", 400),
        ] {
            let answer = refusal.answer(&TRACE);
            assert_eq!(
                (answer.body["error"].as_str(), answer.status),
                (Some(error), status)
            );
        }
    }

    #[test]
    fn an_unknown_tenant_is_another_error_on_discovery() {
        let refusal = Refusal::TenantUnknown {
            tenant: "nowhere.example".to_owned(),
        };
        assert_eq!(refusal.answer(&TRACE).body["error"], "invalid_request");
        let there = refusal.answer_at("discovery", &TRACE);
        assert_eq!(there.body["error"], "invalid_tenant");
    }
}
