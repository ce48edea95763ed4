//! The names that the cloud's services answer to, by cloud: what the server may be called, what
//! the interception proxy takes over, and what its certificates may be made for.

/// What answers under a host name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// The authorization server.
    Login,
    /// Defender XDR and Defender for Endpoint on their common host.
    Security,
    /// Defender for Endpoint alone, on its older host.
    SecurityCenter,
    /// Microsoft Graph.
    Graph,
    /// A web portal.
    Portal,
}

/// A cloud of its own sign-in hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// The public one; the American GCC signs in here too.
    Public,
    /// US Government: GCC High and DoD.
    UsGovernment,
    /// China, operated by 21Vianet.
    China,
    /// Germany, closed since 2021-10-29; libraries still name it.
    Germany,
}

/// A host name with what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// Lower case, without port.
    pub name: &'static str,
    /// What answers there.
    pub service: Service,
    /// The cloud it belongs to.
    pub cloud: Cloud,
}

const fn host(name: &'static str, service: Service, cloud: Cloud) -> Host {
    Host {
        name,
        service,
        cloud,
    }
}

/// Every alias that the server answers to when traffic reaches it by that name.
pub const HOSTS: &[Host] = &[
    host("login.microsoftonline.com", Service::Login, Cloud::Public),
    host("login.windows.net", Service::Login, Cloud::Public),
    host("login.microsoft.com", Service::Login, Cloud::Public),
    host("sts.windows.net", Service::Login, Cloud::Public),
    host(
        "login-us.microsoftonline.com",
        Service::Login,
        Cloud::UsGovernment,
    ),
    host(
        "login.microsoftonline.us",
        Service::Login,
        Cloud::UsGovernment,
    ),
    host(
        "login.usgovcloudapi.net",
        Service::Login,
        Cloud::UsGovernment,
    ),
    host(
        "login.partner.microsoftonline.cn",
        Service::Login,
        Cloud::China,
    ),
    host("login.chinacloudapi.cn", Service::Login, Cloud::China),
    host("login.microsoftonline.de", Service::Login, Cloud::Germany),
    host(
        "api.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "api-us.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "api-eu.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "api-uk.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "us.api.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "eu.api.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "uk.api.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "au.api.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "swa.api.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "ina.api.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "aea.api.security.microsoft.com",
        Service::Security,
        Cloud::Public,
    ),
    host(
        "api-gcc.security.microsoft.us",
        Service::Security,
        Cloud::UsGovernment,
    ),
    host(
        "api-gov.security.microsoft.us",
        Service::Security,
        Cloud::UsGovernment,
    ),
    host(
        "api.securitycenter.microsoft.com",
        Service::SecurityCenter,
        Cloud::Public,
    ),
    host(
        "api.securitycenter.windows.com",
        Service::SecurityCenter,
        Cloud::Public,
    ),
    host(
        "api-us.securitycenter.microsoft.com",
        Service::SecurityCenter,
        Cloud::Public,
    ),
    host(
        "api-eu.securitycenter.microsoft.com",
        Service::SecurityCenter,
        Cloud::Public,
    ),
    host(
        "api-uk.securitycenter.microsoft.com",
        Service::SecurityCenter,
        Cloud::Public,
    ),
    host(
        "api-us.securitycenter.windows.com",
        Service::SecurityCenter,
        Cloud::Public,
    ),
    host(
        "api-eu.securitycenter.windows.com",
        Service::SecurityCenter,
        Cloud::Public,
    ),
    host(
        "api-uk.securitycenter.windows.com",
        Service::SecurityCenter,
        Cloud::Public,
    ),
    host(
        "api-gcc.securitycenter.microsoft.us",
        Service::SecurityCenter,
        Cloud::UsGovernment,
    ),
    host(
        "api-gov.securitycenter.microsoft.us",
        Service::SecurityCenter,
        Cloud::UsGovernment,
    ),
    host("graph.microsoft.com", Service::Graph, Cloud::Public),
    host("graph.microsoft.us", Service::Graph, Cloud::UsGovernment),
    host(
        "dod-graph.microsoft.us",
        Service::Graph,
        Cloud::UsGovernment,
    ),
    host(
        "microsoftgraph.chinacloudapi.cn",
        Service::Graph,
        Cloud::China,
    ),
];

/// The alias with this name; letter case and a trailing dot do not matter.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Host> {
    let name = name.strip_suffix('.').unwrap_or(name);
    HOSTS.iter().find(|h| h.name.eq_ignore_ascii_case(name))
}

/// What answers under this name; `None` when it is no alias.
#[must_use]
pub fn service_of(name: &str) -> Option<Service> {
    lookup(name).map(|h| h.service)
}

/// A cloud as instance discovery describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudInstance {
    /// The cloud.
    pub cloud: Cloud,
    /// Where requests should go.
    pub preferred_network: &'static str,
    /// The name that token caches use.
    pub preferred_cache: &'static str,
    /// All names of one and the same authorization server.
    pub aliases: &'static [&'static str],
}

/// The rows of instance discovery, in the order in which the service gives them.
pub const CLOUD_INSTANCES: &[CloudInstance] = &[
    CloudInstance {
        cloud: Cloud::Public,
        preferred_network: "login.microsoftonline.com",
        preferred_cache: "login.windows.net",
        aliases: &[
            "login.microsoftonline.com",
            "login.windows.net",
            "login.microsoft.com",
            "sts.windows.net",
        ],
    },
    CloudInstance {
        cloud: Cloud::China,
        preferred_network: "login.partner.microsoftonline.cn",
        preferred_cache: "login.partner.microsoftonline.cn",
        aliases: &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
    },
    CloudInstance {
        cloud: Cloud::Germany,
        preferred_network: "login.microsoftonline.de",
        preferred_cache: "login.microsoftonline.de",
        aliases: &["login.microsoftonline.de"],
    },
    CloudInstance {
        cloud: Cloud::UsGovernment,
        preferred_network: "login.microsoftonline.us",
        preferred_cache: "login.microsoftonline.us",
        aliases: &["login.microsoftonline.us", "login.usgovcloudapi.net"],
    },
    CloudInstance {
        cloud: Cloud::UsGovernment,
        preferred_network: "login-us.microsoftonline.com",
        preferred_cache: "login-us.microsoftonline.com",
        aliases: &["login-us.microsoftonline.com"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(
            service_of("API.security.microsoft.COM."),
            Some(Service::Security)
        );
        assert_eq!(service_of("localhost"), None);
        assert_eq!(service_of("evil.api.security.microsoft.com"), None);
    }

    #[test]
    fn every_discovery_alias_is_a_login_host() {
        for instance in CLOUD_INSTANCES {
            for alias in instance.aliases {
                let host = lookup(alias).unwrap();
                assert_eq!(
                    (host.service, host.cloud),
                    (Service::Login, instance.cloud),
                    "{alias}"
                );
            }
        }
    }

    #[test]
    fn names_are_lower_case_and_unique() {
        let mut names: Vec<_> = HOSTS.iter().map(|h| h.name).collect();
        assert!(names.iter().all(|n| *n == n.to_ascii_lowercase()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), HOSTS.len());
    }
}
