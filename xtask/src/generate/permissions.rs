//! The resource applications and their permissions.

use std::fmt::Write as _;

use super::Spec;
use super::spec::{Permission, Resource};
use super::text::{header, literal, literals, pascal, slice};

pub(super) fn render(spec: &Spec) -> String {
    let mut out = header(
        "The resource applications and their permissions.",
        "`spec/permissions.json` and `spec/support.json`",
    );
    out.push_str(
        "use uuid::Uuid;\n\nuse crate::ids::AppId;\nuse crate::operations::Api;\n\
         use crate::permissions::{Permission, PermissionKind, Resource};\n\n\
         /// The resource applications that every tenant knows.\npub static RESOURCES: &[Resource] = &[\n",
    );
    for r in spec
        .permissions
        .resources
        .iter()
        .chain(&spec.support.resources)
    {
        let more = spec
            .support
            .permissions
            .get(&r.api)
            .map(Vec::as_slice)
            .unwrap_or_default();
        resource(&mut out, r, more);
    }
    out.push_str(
        "];\n\n/// Names that the documentation misspells, with the real name.\n\
         pub static DOC_ALIASES: &[(&str, &str)] = ",
    );
    let aliases = spec.permissions.doc_aliases.iter();
    out.push_str(&slice(
        aliases.map(|(k, v)| format!("({}, {})", literal(k), literal(v))),
    ));
    out.push_str(";\n");
    out
}

fn resource(out: &mut String, r: &Resource, more: &[Permission]) {
    let _ = writeln!(
        out,
        "Resource {{ app_id: AppId::from_u128({}), display_name: {}, api: Api::{}, \
         identifier_uris: {}, audiences: {}, permissions: {} }},",
        number(&r.app_id),
        literal(&r.display_name),
        pascal(&r.api),
        literals(&r.identifier_uris),
        literals(&r.audiences),
        slice(r.permissions.iter().chain(more).map(permission)),
    );
}

fn permission(p: &Permission) -> String {
    format!(
        "Permission {{ name: {}, kind: PermissionKind::{}, id: Uuid::from_u128({}), \
         admin_consent: {}, text: {} }}",
        literal(&p.name),
        pascal(&p.kind),
        number(&p.id),
        p.admin_consent,
        literal(&p.text)
    )
}

/// A GUID as a number with its own grouping, so that it can be searched for.
fn number(guid: &str) -> String {
    format!("0x{}", guid.replace('-', "_"))
}
