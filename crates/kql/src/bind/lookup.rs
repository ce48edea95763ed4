//! The plugins that look rows up in another table by something else than equality: networks, lines and polygons.

use crate::ast::{self, ExprKind as Ast};
use crate::bound::{Column, ColumnId, Expr, ExprKind, Node, Plan, Plugin, Value};
use crate::types::Type;

use super::convert::coerce;
use super::naming::{Names, name_of};
use super::plugins::Parts;
use super::{Binder, Relation, Rows, reference};

impl Binder<'_> {
    /// `ipv4_lookup(table, address, network, key…, return_unmatched = true)`.
    pub(super) fn ip_lookup(
        &mut self,
        input: &Relation,
        call: &ast::Call,
        v6: bool,
    ) -> Option<Parts> {
        self.too_few(call, 3)?;
        let (mut unmatched, mut keys) = (false, Vec::new());
        for argument in &call.arguments[3..] {
            let flag = argument
                .name
                .as_ref()
                .is_some_and(|n| n.text == "return_unmatched")
                || matches!(
                    argument.value.kind,
                    Ast::Literal(ast::Literal::Bool(Some(_)))
                );
            if !flag {
                keys.push(&argument.value);
                continue;
            }
            unmatched = is_true(&self.scalar(&argument.value, Rows::NONE)?);
        }
        let (other, _) = self.rows_of(&call.arguments[0].value);
        self.operator = "evaluate";
        let address = self.scalar(&call.arguments[1].value, Rows::of(input));
        let network = self.column_argument(&call.arguments[2].value, &other);
        let (address, network) = (address?, network?);
        let mut args = vec![coerce(address, Type::String)];
        let mut further = vec![coerce(reference(&network), Type::String)];
        let mut dropped = Vec::new();
        // A network column with the address's own name is the same key.
        let own = name_of(&call.arguments[1].value);
        if own.as_deref() == Some(network.name.as_str())
            && !matches!(call.arguments[1].value.kind, Ast::Name(_))
        {
            dropped.push(network.id);
        }
        for key in keys {
            let here = self.column_argument(key, input)?;
            let there = self.column_argument(key, &other)?;
            args.push(coerce(reference(&here), Type::String));
            further.push(coerce(reference(&there), Type::String));
            dropped.push(there.id);
        }
        let (table, outputs) = self.looked_up(input, other, &dropped, further);
        let width = outputs.len();
        Some(Parts {
            plugin: Plugin::IpLookup {
                v6,
                unmatched,
                width,
            },
            args,
            constants: Vec::new(),
            lookup: Some(self.share(table)),
            outputs,
        })
    }

    /// `geo_line_lookup(table, line, longitude, latitude, radius, …)`, and `geo_polygon_lookup`, whose radius may be
    /// missing. Then come `return_unmatched`, `lookup_area_radius` and `return_lookup_key`, by name or in this order.
    pub(super) fn geo_lookup(
        &mut self,
        input: &Relation,
        call: &ast::Call,
        polygons: bool,
    ) -> Option<Parts> {
        self.too_few(call, if polygons { 4 } else { 5 })?;
        let (mut flags, mut lengths) = ([None, None], [None, None]);
        for argument in &call.arguments[4..] {
            let value = self.scalar(&argument.value, Rows::NONE)?;
            let free = |places: &[Option<Expr>; 2]| usize::from(places[0].is_some());
            let place = match argument.name.as_ref().map(|n| n.text.as_str()) {
                Some("return_unmatched") => &mut flags[0],
                Some("return_lookup_key") => &mut flags[1],
                Some("radius") => &mut lengths[0],
                Some("lookup_area_radius") => &mut lengths[1],
                _ if value.ty == Type::Bool => {
                    let free = free(&flags);
                    &mut flags[free]
                }
                _ => {
                    let free = free(&lengths);
                    &mut lengths[free]
                }
            };
            *place = Some(value);
        }
        let (other, _) = self.rows_of(&call.arguments[0].value);
        self.operator = "evaluate";
        let shape = self.column_argument(&call.arguments[1].value, &other);
        let longitude = self.scalar(&call.arguments[2].value, Rows::of(input));
        let latitude = self.scalar(&call.arguments[3].value, Rows::of(input));
        let (shape, longitude, latitude) = (shape?, longitude?, latitude?);
        let [unmatched, with_key] = flags.map(|flag| flag.is_some_and(|f| is_true(&f)));
        let dropped = if with_key { vec![] } else { vec![shape.id] };
        let key = coerce(reference(&shape), Type::Dynamic);
        let (table, outputs) = self.looked_up(input, other, &dropped, vec![key]);
        // The area around a match only changes how it is found, not what is found.
        let [radius, _] = lengths;
        Some(Parts {
            plugin: Plugin::GeoLookup {
                polygons,
                unmatched,
            },
            args: vec![coerce(longitude, Type::Real), coerce(latitude, Type::Real)],
            constants: radius.map(|r| coerce(r, Type::Real)).into_iter().collect(),
            lookup: Some(self.share(table)),
            outputs,
        })
    }

    /// The other table as the plugin reads it, its columns but the dropped ones and then the keys; and the columns that
    /// the plugin adds, with names that the input does not have.
    fn looked_up(
        &mut self,
        input: &Relation,
        other: Relation,
        dropped: &[ColumnId],
        keys: Vec<Expr>,
    ) -> (Plan, Vec<Column>) {
        let added = other.plan.columns.iter();
        let added: Vec<Column> = added
            .filter(|c| !dropped.contains(&c.id))
            .cloned()
            .collect();
        let mut names = Names::default();
        for column in input.plan.columns.iter().chain(&added) {
            names.reserve(&column.name);
        }
        let taken = |name: &str| input.plan.columns.iter().any(|c| c.name == name);
        let mut outputs = Vec::with_capacity(added.len());
        for column in &added {
            let name = if taken(&column.name) {
                names.unique(&column.name)
            } else {
                column.name.clone()
            };
            outputs.push(self.column(name, column.ty));
        }
        let mut exprs: Vec<Expr> = added.iter().map(reference).collect();
        let mut columns = added;
        for key in keys {
            columns.push(self.column("", key.ty));
            exprs.push(key);
        }
        let node = Node::Project {
            input: Box::new(other.plan),
            exprs,
        };
        (Plan { node, columns }, outputs)
    }
}

fn is_true(value: &Expr) -> bool {
    matches!(value.kind, ExprKind::Literal(Value::Bool(true)))
}
