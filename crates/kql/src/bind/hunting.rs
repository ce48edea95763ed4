//! The functions of advanced hunting that are no part of the language.

use crate::bound::{Expr, Node, Plan, Value};
use crate::types::Type;

use super::naming::Names;
use super::{Binder, Relation, literal, reference};

/// What `FileProfile` adds. The names that tables have themselves end in an underscore.
const PROFILE: [(&str, Type); 18] = [
    ("SHA1_", Type::String),
    ("SHA256_", Type::String),
    ("MD5_", Type::String),
    ("FileSize_", Type::Long),
    ("GlobalPrevalence", Type::Long),
    ("GlobalFirstSeen", Type::DateTime),
    ("GlobalLastSeen", Type::DateTime),
    ("Signer", Type::String),
    ("Issuer", Type::String),
    ("SignerHash", Type::String),
    ("IsCertificateValid", Type::Bool),
    ("IsRootSignerMicrosoft", Type::Bool),
    ("SignatureState", Type::String),
    ("IsExecutable", Type::Bool),
    ("ThreatName", Type::String),
    ("Publisher", Type::String),
    ("SoftwareName", Type::String),
    ("ProfileAvailability", Type::String),
];

impl Binder<'_> {
    /// `T | invoke FileProfile(…)`: there are no profiles here, so every file's is "Missing", as documented for
    /// files that the service has not seen.
    pub(super) fn file_profile(&mut self, input: Relation) -> Relation {
        let mut names = Names::default();
        for column in &input.plan.columns {
            names.reserve(&column.name);
        }
        let mut columns = input.plan.columns.clone();
        let mut exprs: Vec<Expr> = columns.iter().map(reference).collect();
        for (name, ty) in PROFILE {
            let value = match (name, ty) {
                ("ProfileAvailability", _) => Value::String("Missing".to_owned()),
                (_, Type::String) => Value::String(String::new()),
                _ => Value::Null,
            };
            columns.push(self.column(names.unique(name), ty));
            exprs.push(literal(value, ty));
        }
        Relation {
            open: input.open,
            plan: Plan {
                node: Node::Project {
                    input: Box::new(input.plan),
                    exprs,
                },
                columns,
            },
        }
    }
}
