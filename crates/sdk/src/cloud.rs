//! Where the services of a cloud are: Microsoft's public and national clouds, or a server of one's own.

use url::Url;

/// The addresses and token resources of one cloud.
///
/// Source: Microsoft's page on Defender for US government customers (`defender-endpoint/gov`) and the supported
/// endpoints of the XDR APIs (`defender-xdr/api-supported`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    /// A short name for messages.
    pub name: &'static str,
    /// Sign-in host.
    pub authority: Url,
    /// Base of the Defender XDR API.
    pub xdr: Url,
    /// Base of the Defender for Endpoint API.
    pub mde: Url,
    /// Base of Microsoft Graph.
    pub graph: Url,
    /// Resource of tokens for XDR, without `/.default`.
    pub xdr_resource: String,
    /// Resource of tokens for Defender for Endpoint.
    pub mde_resource: String,
    /// Resource of tokens for Graph.
    pub graph_resource: String,
}

/// Which API a call belongs to; decides base address and token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Defender XDR.
    Xdr,
    /// Defender for Endpoint.
    Mde,
    /// Microsoft Graph.
    Graph,
    /// The server's own administration; only on a Bartizan server.
    Own,
}

fn known(url: &str) -> Url {
    Url::parse(url).expect("an address in this file's table parses; a test reads each of them")
}

impl Cloud {
    /// Microsoft's public cloud.
    #[must_use]
    pub fn public() -> Self {
        Self::of(
            "public",
            "https://login.microsoftonline.com",
            "https://api.security.microsoft.com",
            "https://api.securitycenter.microsoft.com",
            "https://graph.microsoft.com",
        )
    }

    /// US Government Community Cloud: public sign-in, own API hosts.
    #[must_use]
    pub fn gcc() -> Self {
        Self::of(
            "gcc",
            "https://login.microsoftonline.com",
            "https://api-gcc.security.microsoft.us",
            "https://api-gcc.securitycenter.microsoft.us",
            "https://graph.microsoft.com",
        )
    }

    /// US Government Community Cloud High.
    #[must_use]
    pub fn gcc_high() -> Self {
        Self::of(
            "gcc-high",
            "https://login.microsoftonline.us",
            "https://api-gov.security.microsoft.us",
            "https://api-gov.securitycenter.microsoft.us",
            "https://graph.microsoft.us",
        )
    }

    /// US Department of Defense.
    #[must_use]
    pub fn dod() -> Self {
        Self::of(
            "dod",
            "https://login.microsoftonline.us",
            "https://api-gov.security.microsoft.us",
            "https://api-gov.securitycenter.microsoft.us",
            "https://dod-graph.microsoft.us",
        )
    }

    /// A server of one's own at `origin`, which serves sign-in and all APIs.
    #[must_use]
    pub fn at(origin: &Url) -> Self {
        let public = Self::public();
        Self {
            name: "own",
            authority: origin.clone(),
            xdr: origin.clone(),
            mde: origin.clone(),
            graph: origin.clone(),
            ..public
        }
    }

    /// The cloud with this name, as profiles and flags spell it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "public" => Self::public(),
            "gcc" => Self::gcc(),
            "gcc-high" => Self::gcc_high(),
            "dod" => Self::dod(),
            _ => return None,
        })
    }

    /// Whether it is one of Microsoft's, by its name and its addresses.
    #[must_use]
    pub fn is_microsofts(&self) -> bool {
        Self::named(self.name).is_some_and(|named| named == *self)
    }

    /// The base address of a service.
    #[must_use]
    pub fn base(&self, service: Service) -> &Url {
        match service {
            Service::Xdr => &self.xdr,
            Service::Mde => &self.mde,
            Service::Graph => &self.graph,
            Service::Own => &self.authority,
        }
    }

    /// The scope of an application's token for a service.
    #[must_use]
    pub fn scope(&self, service: Service) -> String {
        match service {
            Service::Xdr => format!("{}/.default", self.xdr_resource),
            Service::Mde => format!("{}/.default", self.mde_resource),
            Service::Graph => format!("{}/.default", self.graph_resource),
            Service::Own => "api://bartizan/.default".to_owned(),
        }
    }

    fn of(name: &'static str, authority: &str, xdr: &str, mde: &str, graph: &str) -> Self {
        Self {
            name,
            authority: known(authority),
            xdr: known(xdr),
            mde: known(mde),
            graph: known(graph),
            xdr_resource: xdr.to_owned(),
            mde_resource: mde.to_owned(),
            graph_resource: graph.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_cloud_has_addresses() {
        for name in ["public", "gcc", "gcc-high", "dod"] {
            let cloud = Cloud::named(name).expect("a known name");
            assert!(cloud.is_microsofts(), "{name}");
            for service in [Service::Xdr, Service::Mde, Service::Graph] {
                assert_eq!(cloud.base(service).scheme(), "https", "{name}");
                assert!(cloud.scope(service).ends_with("/.default"), "{name}");
            }
        }
        assert_eq!(Cloud::named("moon"), None);
    }

    #[test]
    fn a_server_of_ones_own_keeps_the_documented_resources() {
        let cloud = Cloud::at(&Url::parse("https://localhost:8443").expect("a URL"));
        assert!(!cloud.is_microsofts());
        assert_eq!(
            cloud.base(Service::Graph).as_str(),
            "https://localhost:8443/"
        );
        assert_eq!(
            cloud.scope(Service::Graph),
            "https://graph.microsoft.com/.default"
        );
        assert_eq!(cloud.scope(Service::Own), "api://bartizan/.default");
    }
}
