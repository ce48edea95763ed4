//! A filter's tree as a SQL condition. Every comparison is true or false, never null, so that
//! `not` means what OData says.

use bartizan_contract::time::{TICKS_PER_MICRO, unix_micros_from_ticks};

use super::ast::{CompareOp, Filter, Literal, Path, Quantifier, TextFunction};
use super::error::ODataError;
use super::fields::{Element, Field, FieldKind, FieldMap};
use crate::sql::{Bind, Sql};

/// A filter as a SQL condition over one table, with its values as parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlFilter {
    table: &'static str,
    sql: Sql,
}

impl SqlFilter {
    /// Makes a condition of a parsed filter.
    ///
    /// # Errors
    /// [`ODataError`] when a property is unknown, does not take the operator, or is compared with
    /// a value of another kind.
    pub fn compile(filter: &Filter, map: &FieldMap) -> Result<Self, ODataError> {
        let mut compiler = Compiler {
            scope: Scope::Row(map),
            sql: Sql::default(),
        };
        compiler.condition(filter)?;
        Ok(Self {
            table: map.table,
            sql: compiler.sql,
        })
    }

    /// The table that it was made for.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        self.table
    }

    /// The condition.
    pub(crate) const fn sql(&self) -> &Sql {
        &self.sql
    }
}

/// What names mean.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// Fields of a row.
    Row(&'a FieldMap),
    /// The one variable of a lambda: the element.
    Element(&'a str, &'static Element),
}

struct Compiler<'a> {
    scope: Scope<'a>,
    sql: Sql,
}

impl<'a> Compiler<'a> {
    fn condition(&mut self, filter: &'a Filter) -> Result<(), ODataError> {
        match filter {
            Filter::And(parts) => self.chain(parts, " and "),
            Filter::Or(parts) => self.chain(parts, " or "),
            Filter::Not(inner) => {
                self.sql.push("not (");
                self.condition(inner)?;
                self.sql.push(")");
                Ok(())
            }
            Filter::Compare { path, op, value } => self.compare(path, *op, value),
            Filter::In { path, values } => self.is_in(path, values),
            Filter::Call {
                function,
                path,
                text,
            } => self.call(*function, path, text),
            Filter::Lambda {
                path,
                quantifier,
                body,
            } => self.lambda(path, *quantifier, body.as_ref()),
            Filter::Flag(path) => self.compare(path, CompareOp::Eq, &Literal::Bool(true)),
            Filter::Constant(value) => {
                self.sql.push(if *value { "1 = 1" } else { "1 = 0" });
                Ok(())
            }
        }
    }

    fn chain(&mut self, parts: &'a [Filter], word: &'static str) -> Result<(), ODataError> {
        self.sql.push("(");
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                self.sql.push(word);
            }
            self.condition(part)?;
        }
        self.sql.push(")");
        Ok(())
    }

    fn field(&self, path: &Path) -> Result<&'static Field, ODataError> {
        let (found, known) = match self.scope {
            Scope::Row(map) => (map.field(&path.name), map.names()),
            Scope::Element(variable, element) => (
                (variable == path.name).then_some(&element.field),
                variable.to_owned(),
            ),
        };
        found.ok_or_else(|| {
            let message = format!(
                "Property '{}' cannot be filtered by; these can: {known}.",
                path.name
            );
            ODataError::at(path.position, message)
        })
    }

    fn compare(&mut self, path: &Path, op: CompareOp, value: &Literal) -> Result<(), ODataError> {
        let field = self.field(path)?;
        let ordered = !matches!(op, CompareOp::Eq | CompareOp::Ne);
        let orderable = matches!(field.kind, FieldKind::Int | FieldKind::DateTime);
        if matches!(field.kind, FieldKind::Collection(_)) || (ordered && !orderable) {
            return Err(refuse(path, field, op.as_str()));
        }
        match comparand(path, field, value)? {
            Comparand::Null if ordered => {
                self.sql.push("1 = 0");
            }
            Comparand::Null => {
                let test = if op == CompareOp::Eq {
                    " is null"
                } else {
                    " is not null"
                };
                self.sql.push(field.column).push(test);
            }
            Comparand::Text(text) => self.equal(field, op, |sql| {
                sql.push("lower(").push(field.column).push(")");
                sql.push(if op == CompareOp::Eq { " = " } else { " <> " });
                sql.push("lower(").bind(text).push(")");
            }),
            Comparand::Exact(bind) => self.equal(field, op, |sql| {
                sql.push(field.column).push(sql_operator(op)).bind(bind);
            }),
            Comparand::Between(floor) => self.between(field, op, floor),
        }
        Ok(())
    }

    /// Wraps a comparison so that a null column makes it false, or true for `ne`.
    fn equal(&mut self, field: &Field, op: CompareOp, write: impl FnOnce(&mut Sql)) {
        if !field.nullable {
            return write(&mut self.sql);
        }
        let (test, word) = if op == CompareOp::Ne {
            (" is null", " or ")
        } else {
            (" is not null", " and ")
        };
        self.sql.push("(").push(field.column).push(test).push(word);
        write(&mut self.sql);
        self.sql.push(")");
    }

    /// Compares with a time that lies between two microseconds: no kept time is equal to it.
    fn between(&mut self, field: &Field, op: CompareOp, floor: i64) {
        match op {
            CompareOp::Eq => {
                self.sql.push("1 = 0");
            }
            CompareOp::Ne => {
                self.sql.push("1 = 1");
            }
            CompareOp::Gt | CompareOp::Ge => self.equal(field, op, |sql| {
                sql.push(field.column).push(" > ").bind(floor);
            }),
            CompareOp::Lt | CompareOp::Le => self.equal(field, op, |sql| {
                sql.push(field.column).push(" <= ").bind(floor);
            }),
        }
    }

    fn is_in(&mut self, path: &Path, values: &[Literal]) -> Result<(), ODataError> {
        let field = self.field(path)?;
        if matches!(field.kind, FieldKind::Collection(_) | FieldKind::Bool) {
            return Err(refuse(path, field, "in"));
        }
        self.sql.push("(");
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                self.sql.push(" or ");
            }
            self.compare(path, CompareOp::Eq, value)?;
        }
        self.sql.push(")");
        Ok(())
    }

    fn call(&mut self, function: TextFunction, path: &Path, text: &str) -> Result<(), ODataError> {
        let field = self.field(path)?;
        let allowed = match field.kind {
            FieldKind::Text => true,
            FieldKind::Id => function == TextFunction::StartsWith,
            _ => false,
        };
        if !allowed {
            return Err(refuse(path, field, function.as_str()));
        }
        let mut pattern = String::with_capacity(text.len() + 2);
        if function != TextFunction::StartsWith {
            pattern.push('%');
        }
        for c in text.chars() {
            if matches!(c, '%' | '_' | '!') {
                pattern.push('!');
            }
            pattern.push(c);
        }
        if function != TextFunction::EndsWith {
            pattern.push('%');
        }
        self.equal(field, CompareOp::Eq, |sql| {
            sql.push("lower(")
                .push(field.column)
                .push(") like lower(")
                .bind(pattern);
            sql.push(") escape '!'");
        });
        Ok(())
    }

    fn lambda(
        &mut self,
        path: &Path,
        quantifier: Quantifier,
        body: Option<&'a (String, Box<Filter>)>,
    ) -> Result<(), ODataError> {
        let field = self.field(path)?;
        let FieldKind::Collection(element) = field.kind else {
            return Err(refuse(path, field, "any and all"));
        };
        let (open, close) = match quantifier {
            Quantifier::Any => ("exists (select 1 ", ")"),
            Quantifier::All => ("not exists (select 1 ", "))"),
        };
        self.sql.push(open).push(element.from);
        let Some((variable, condition)) = body else {
            self.sql.push(close);
            return Ok(());
        };
        self.sql.push(if quantifier == Quantifier::Any {
            " and "
        } else {
            " and not ("
        });
        let outer = std::mem::replace(&mut self.scope, Scope::Element(variable, element));
        let result = self.condition(condition);
        self.scope = outer;
        result?;
        self.sql.push(close);
        Ok(())
    }
}

/// The right side of a comparison, fit for the column.
enum Comparand {
    Null,
    /// Compared without regard to letter case.
    Text(String),
    /// Compared as it is.
    Exact(Bind),
    /// A time between this microsecond and the next.
    Between(i64),
}

fn comparand(path: &Path, field: &Field, value: &Literal) -> Result<Comparand, ODataError> {
    let wrong = |wanted: &str| {
        let message = format!(
            "Property '{}' is compared with {wanted}, not {}.",
            field.name,
            value.kind()
        );
        ODataError::at(path.position, message)
    };
    Ok(match (&field.kind, value) {
        (_, Literal::Null) => Comparand::Null,
        (FieldKind::Text, Literal::Text(text)) => Comparand::Text(text.clone()),
        (FieldKind::Text, Literal::Guid(text)) => Comparand::Text(text.clone()),
        (FieldKind::Text, _) => return Err(wrong("a quoted text")),
        (FieldKind::Id, Literal::Text(text) | Literal::Guid(text)) => {
            Comparand::Exact(text.to_ascii_lowercase().into())
        }
        (FieldKind::Id, _) => return Err(wrong("a quoted id")),
        (FieldKind::Int, Literal::Int(number)) => Comparand::Exact((*number).into()),
        (FieldKind::Int, _) => return Err(wrong("a whole number")),
        (FieldKind::DateTime, Literal::DateTime(ticks)) => time(*ticks),
        (FieldKind::DateTime, _) => {
            return Err(wrong("a date without quotes, such as 2026-01-01T00:00:00Z"));
        }
        (FieldKind::Bool, Literal::Bool(flag)) => Comparand::Exact(i64::from(*flag).into()),
        (FieldKind::Bool, _) => return Err(wrong("true or false")),
        (FieldKind::Words(words), Literal::Text(text)) => match (words.stored)(text) {
            Some(Some(word)) => Comparand::Exact(word.into()),
            Some(None) => Comparand::Null,
            None => {
                let message = format!(
                    "'{text}' is not a value of '{}'; these are: {}.",
                    field.name,
                    (words.names)().join(", ")
                );
                return Err(ODataError::at(path.position, message));
            }
        },
        (FieldKind::Words(_), _) => return Err(wrong("a quoted word")),
        (FieldKind::Collection(_), _) => return Err(refuse(path, field, "a comparison")),
    })
}

fn time(ticks: i64) -> Comparand {
    let micros = unix_micros_from_ticks(ticks);
    match ticks.rem_euclid(TICKS_PER_MICRO) {
        0 => Comparand::Exact(micros.into()),
        _ => Comparand::Between(micros),
    }
}

const fn sql_operator(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => " = ",
        CompareOp::Ne => " <> ",
        CompareOp::Gt => " > ",
        CompareOp::Ge => " >= ",
        CompareOp::Lt => " < ",
        CompareOp::Le => " <= ",
    }
}

fn refuse(path: &Path, field: &Field, what: &str) -> ODataError {
    let message = format!(
        "Property '{}' does not take {what}; it takes {}.",
        field.name,
        field.kind.operators()
    );
    ODataError::at(path.position, message)
}
