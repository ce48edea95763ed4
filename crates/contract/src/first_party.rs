//! Applications and tenants that every directory knows by fixed ids.

use crate::ids::{AppId, TenantId};

/// The tenant that owns the resource applications of Microsoft (`appOwnerOrganizationId` of their
/// service principals).
pub const MICROSOFT_SERVICES_TENANT: TenantId =
    TenantId::from_u128(0xf8cdef31_a31e_4b4a_93e4_5f571e91255a);

/// The tenant of personal accounts: what `consumers` stands for.
pub const CONSUMERS_TENANT: TenantId = TenantId::from_u128(0x9188040d_6c67_4c5b_b112_36a304b66dad);

/// Azure AD Graph, retired: the resource of a v1 token request that names none.
pub const AZURE_AD_GRAPH: AppId = AppId::from_u128(0x00000002_0000_0000_c000_000000000000);

/// Defender XDR.
pub const MICROSOFT_THREAT_PROTECTION: AppId =
    AppId::from_u128(0x8ee8fdad_f234_4243_8f3b_15c294843740);

/// Defender for Endpoint.
pub const WINDOWS_DEFENDER_ATP: AppId = AppId::from_u128(0xfc780465_2017_40d4_a0c5_307022471b92);

/// Microsoft Graph.
pub const MICROSOFT_GRAPH: AppId = AppId::from_u128(0x00000003_0000_0000_c000_000000000000);

/// The audience of federated assertions.
pub const TOKEN_EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// A client application that tools use without registering one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstPartyClient {
    /// Its id.
    pub app_id: AppId,
    /// Its name.
    pub display_name: &'static str,
}

/// Public clients of the command-line tools.
pub const CLIENTS: &[FirstPartyClient] = &[
    FirstPartyClient {
        app_id: AppId::from_u128(0x04b07795_8ddb_461a_bbee_02f9e1bf7b46),
        display_name: "Microsoft Azure CLI",
    },
    FirstPartyClient {
        app_id: AppId::from_u128(0x1950a258_227b_4e31_a9cf_717495945fc2),
        display_name: "Microsoft Azure PowerShell",
    },
    FirstPartyClient {
        app_id: AppId::from_u128(0x14d82eec_204b_4c2f_b7e8_296a70dab67e),
        display_name: "Microsoft Graph Command Line Tools",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Api;
    use crate::permissions::resource_of;

    #[test]
    fn constants_agree_with_the_table() {
        for (api, id) in [
            (Api::Xdr, MICROSOFT_THREAT_PROTECTION),
            (Api::Mde, WINDOWS_DEFENDER_ATP),
            (Api::Graph, MICROSOFT_GRAPH),
        ] {
            assert_eq!(resource_of(api).unwrap().app_id, id);
        }
    }
}
