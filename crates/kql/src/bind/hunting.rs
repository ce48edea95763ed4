//! The functions of advanced hunting that are no part of the language.

use crate::ast;
use crate::bound::{Expr, Node, Plan, Value};
use crate::types::Type;

use super::naming::Names;
use super::{Binder, Relation, Rows, literal, reference};

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

/// The column in which a function finds the values of the column that it was invoked with.
const KEY: &str = "Key_";

impl Binder<'_> {
    /// The rows with one more column, [`KEY`], of the values of the column that the first argument of `invoke` names
    /// (`invoke DeviceFromIP(LocalIP)`; a text is taken for a name, too), and the other arguments.
    pub(super) fn with_key<'a>(
        &mut self,
        mut input: Relation,
        call: &'a ast::Call,
        default: &str,
    ) -> Option<(Relation, &'a [ast::Argument])> {
        let (name, rest) = match call.arguments.split_first() {
            None => (
                ast::Name {
                    text: default.to_owned(),
                    span: call.span,
                },
                call.arguments.as_slice(),
            ),
            Some((first, rest)) => match &first.value.kind {
                ast::ExprKind::Name(name) => (name.clone(), rest),
                ast::ExprKind::Literal(ast::Literal::String { value, .. }) => (
                    ast::Name {
                        text: value.clone(),
                        span: first.value.span,
                    },
                    rest,
                ),
                _ => {
                    let message = format!("'{}' expects the name of a column", call.name.text);
                    self.error("KS102", first.value.span, message);
                    return None;
                }
            },
        };
        let Some(column) = input.plan.columns.iter().find(|c| c.name == name.text) else {
            if !input.open {
                self.unknown_name(&name, Rows::of(&input));
            }
            return None;
        };
        if column.ty != Type::String {
            let message = format!(
                "The column '{}' must be string, not {}",
                name.text, column.ty
            );
            self.error("KS107", name.span, message);
            return None;
        }
        let key = reference(column);
        let mut columns = input.plan.columns.clone();
        // A column of that name would be in the way.
        columns.retain(|c| c.name != KEY);
        let mut exprs: Vec<Expr> = columns.iter().map(reference).collect();
        columns.push(self.column(KEY, Type::String));
        exprs.push(key);
        input.plan = Plan {
            node: Node::Project {
                input: Box::new(input.plan),
                exprs,
            },
            columns,
        };
        Some((input, rest))
    }

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
