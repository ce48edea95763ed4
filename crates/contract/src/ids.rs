//! Typed identifiers: a tenant's id cannot be handed over where an application's is wanted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The 16 bytes as a number, for ids that are fixed in a table.
            #[must_use]
            pub const fn from_u128(value: u128) -> Self {
                Self(Uuid::from_u128(value))
            }

            /// The id as a plain [`Uuid`].
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            /// Lower case with hyphens, as every documented answer prints it.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            /// Accepts any letter case; only the hyphenated form and the bare 32 digits.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self {
                Self(value)
            }
        }

        impl From<$name> for Uuid {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

uuid_id! {
    /// A directory: the `tid` claim and the first path segment of its sign-in endpoints.
    TenantId
}
uuid_id! {
    /// An application registration's client id: `appId` in Graph, `client_id` on the wire.
    AppId
}
uuid_id! {
    /// A directory object's id (`id` in Graph): applications, service principals, users and
    /// assignments. An application's object id differs from its [`AppId`].
    ObjectId
}
text_id! {
    /// An alert's id, with the prefix of its source (`da` for Defender for Endpoint), followed by
    /// digits and an underscore part.
    AlertId
}
text_id! {
    /// A device's id in Defender for Endpoint: 40 hexadecimal digits.
    DeviceId
}

/// An incident's number, unique in a tenant and rising with creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub i64);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IncidentId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl From<i64> for IncidentId {
    fn from(value: i64) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_as_the_wire_prints_them() {
        let id: TenantId = "8EE8FDAD-F234-4243-8F3B-15C294843740".parse().unwrap();
        assert_eq!(id.to_string(), "8ee8fdad-f234-4243-8f3b-15c294843740");
        assert_eq!(
            serde_json::to_string(&id).unwrap(),
            "\"8ee8fdad-f234-4243-8f3b-15c294843740\""
        );
        assert_eq!(serde_json::to_string(&IncidentId(7)).unwrap(), "7");
        assert_eq!(
            serde_json::to_string(&AlertId::from("da1_2")).unwrap(),
            "\"da1_2\""
        );
        assert!("nonsense".parse::<AppId>().is_err());
    }
}
