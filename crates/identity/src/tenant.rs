//! The tenant that a path names in its first segment.

use bartizan_contract::TenantId;
use bartizan_contract::first_party::CONSUMERS_TENANT;

use crate::refusal::Refusal;

/// The first segment of the authorization server's paths.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TenantPath {
    /// A tenant by id.
    Id(TenantId),
    /// A tenant by one of its domains, lower case.
    Domain(String),
    /// `common`: whoever signs in.
    Common,
    /// `organizations`: whoever signs in, personal accounts excepted.
    Organizations,
    /// `consumers`: personal accounts.
    Consumers,
}

impl TenantPath {
    /// Reads a segment, in any letter case.
    ///
    /// # Errors
    /// [`Refusal::TenantShape`] when it is neither a GUID, nor a DNS name, nor one of the words.
    pub fn parse(segment: &str) -> Result<Self, Refusal> {
        let lower = segment.to_ascii_lowercase();
        match lower.as_str() {
            "common" => return Ok(Self::Common),
            "organizations" => return Ok(Self::Organizations),
            "consumers" => return Ok(Self::Consumers),
            _ => {}
        }
        if lower.len() == 36
            && let Ok(id) = lower.parse::<TenantId>()
        {
            return Ok(match id {
                CONSUMERS_TENANT => Self::Consumers,
                id => Self::Id(id),
            });
        }
        if is_dns_name(&lower) {
            return Ok(Self::Domain(lower));
        }
        // Cut: the text goes into an answer, and a segment can be as long as a URL.
        let tenant = segment.chars().take(100).collect();
        Err(Refusal::TenantShape { tenant })
    }

    /// The segment, as URLs print it for what is not one tenant.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Domain(name) => name.clone(),
            Self::Common => "common".to_owned(),
            Self::Organizations => "organizations".to_owned(),
            Self::Consumers => "consumers".to_owned(),
        }
    }

    /// Whether it names one tenant of work or school.
    #[must_use]
    pub const fn is_one_tenant(&self) -> bool {
        matches!(self, Self::Id(_) | Self::Domain(_))
    }
}

/// Two labels or more of letters, digits and hyphens (RFC 1035 section 2.3.1).
fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_in_any_case() {
        let id = "8EE8FDAD-F234-4243-8F3B-15C294843740";
        assert_eq!(
            TenantPath::parse(id),
            Ok(TenantPath::Id(id.parse().unwrap()))
        );
        assert_eq!(
            TenantPath::parse("Contoso.onMicrosoft.com"),
            Ok(TenantPath::Domain("contoso.onmicrosoft.com".to_owned()))
        );
        assert_eq!(TenantPath::parse("COMMON"), Ok(TenantPath::Common));
        assert_eq!(
            TenantPath::parse("9188040d-6c67-4c5b-b112-36a304b66dad"),
            Ok(TenantPath::Consumers)
        );
    }

    #[test]
    fn other_shapes_are_refused() {
        for wrong in [
            "authorize",
            "",
            "a..b",
            "a_b.com",
            "-a.com",
            "a b.com",
            "8ee8fdadf23442438f3b15c294843740",
        ] {
            let refusal = TenantPath::parse(wrong).unwrap_err();
            assert_eq!(refusal.code(), 900_023, "{wrong}");
        }
    }
}
