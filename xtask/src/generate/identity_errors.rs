//! The AADSTS codes.

use std::fmt::Write as _;

use super::Spec;
use super::spec::Variant;
use super::text::{header, literal, literals, option, option_literal, slice};

pub(super) fn render(spec: &Spec) -> String {
    let mut out = header(
        "The authorization server's errors.",
        "`spec/identity-errors.json`",
    );
    out.push_str(
        "use crate::identity_errors::{IdentityError, Variant};\n\n\
         /// Every AADSTS code, in rising order.\npub static ERRORS: &[IdentityError] = &[\n",
    );
    let mut rows: Vec<_> = spec.identity_errors.errors.iter().collect();
    rows.sort_by_key(|e| e.code);
    for e in rows {
        let _ = writeln!(
            out,
            "IdentityError {{ code: {}, name: {}, error: {}, http: {}, suberror: {}, message: {}, \
             endpoints: {}, when: {}, variants: {} }},",
            e.code,
            option_literal(e.name.as_deref()),
            literal(&e.error),
            e.http,
            option_literal(e.suberror.as_deref()),
            literal(&e.message),
            literals(&e.endpoint),
            literal(&e.when),
            slice(e.variants.iter().map(variant)),
        );
    }
    out.push_str("];\n");
    out
}

fn variant(v: &Variant) -> String {
    format!(
        "Variant {{ error: {}, http: {}, suberror: {}, endpoints: {}, note: {} }}",
        option_literal(v.error.as_deref()),
        option(v.http),
        option_literal(v.suberror.as_deref()),
        literals(&v.endpoint),
        option_literal(v.note.as_deref())
    )
}
