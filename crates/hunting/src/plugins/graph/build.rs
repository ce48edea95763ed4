//! The graph in memory: nodes with numbers, and the edges at each of them.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{interleave, take};
use arrow::row::{Row, RowConverter, SortField};
use bartizan_kql::types::Type;
use datafusion::error::{DataFusionError, Result};

use super::{Shape, components, longs, owned};
use crate::functions::{cast_array, hash_of};
use crate::plan::Work;
use crate::types::data_type;

/// The edges at every node.
pub(super) struct Adjacency {
    offsets: Vec<u32>,
    edges: Vec<u32>,
}

impl Adjacency {
    /// Edges by the node at one of their ends.
    fn new(nodes: usize, ends: &[u32]) -> Self {
        let mut offsets = vec![0u32; nodes + 1];
        for end in ends {
            offsets[*end as usize + 1] += 1;
        }
        for at in 0..nodes {
            offsets[at + 1] += offsets[at];
        }
        let mut next = offsets.clone();
        let mut edges = vec![0u32; ends.len()];
        for (edge, end) in ends.iter().enumerate() {
            let at = &mut next[*end as usize];
            edges[*at as usize] = edge as u32;
            *at += 1;
        }
        Self { offsets, edges }
    }

    /// The edges at a node.
    pub(super) fn of(&self, node: u32) -> &[u32] {
        let (from, to) = (
            self.offsets[node as usize] as usize,
            self.offsets[node as usize + 1] as usize,
        );
        &self.edges[from..to]
    }
}

/// A graph.
pub(super) struct Graph {
    /// The properties of the nodes, then in-degree, out-degree and key as text.
    pub nodes: Vec<ArrayRef>,
    /// The properties of the edges.
    pub edges: Vec<ArrayRef>,
    /// Where edges begin.
    pub source: Vec<u32>,
    /// Where edges end.
    pub target: Vec<u32>,
    /// The edges that begin at a node.
    pub out: Adjacency,
    /// The edges that end at a node.
    pub into: Adjacency,
    /// How many nodes there are.
    pub count: usize,
    keys: ArrayRef,
}

/// Which rows of the lookup a node is made of.
struct Rows {
    /// The first one.
    first: Vec<Option<u32>>,
    /// Node and further row.
    more: Vec<(u32, u32)>,
}

impl Graph {
    /// Numbers the nodes: those of the lookup in order, then those that only edges name.
    pub(super) fn build(
        shape: &Shape,
        args: &[ArrayRef],
        lookup: Option<&[ArrayRef]>,
        work: &Work,
    ) -> Result<Self> {
        let lost = || DataFusionError::Internal("a graph without keys".into());
        let width = shape.edges.len();
        let (from, to) = (
            args.get(width).ok_or_else(lost)?,
            args.get(width + 1).ok_or_else(lost)?,
        );
        let tables = shape.nodes.len() - shape.components.len();
        let own = match lookup {
            Some(lookup) => Some(lookup.get(tables).ok_or_else(lost)?),
            None => None,
        };
        // Numbers of both ends, two lists of edges, and an entry of the map and a key for each node at most.
        work.grow(from.len() * 32 + own.map_or(0, |o| o.len() * 64))?;
        let converter = RowConverter::new(vec![SortField::new(data_type(shape.key))])?;
        let converted = |keys: &ArrayRef| converter.convert_columns(std::slice::from_ref(keys));
        let (from_rows, to_rows) = (converted(from)?, converted(to)?);
        let own_rows = own.map(converted).transpose()?;
        work.grow(from_rows.size() + to_rows.size())?;

        let mut numbers: HashMap<Row<'_>, u32> = HashMap::new();
        let mut key_at: Vec<(usize, usize)> = Vec::new();
        let mut rows = Rows {
            first: Vec::new(),
            more: Vec::new(),
        };
        for (at, key) in own_rows.iter().flat_map(|r| r.iter()).enumerate() {
            let number = *numbers.entry(key).or_insert_with(|| {
                key_at.push((2, at));
                rows.first.push(Some(at as u32));
                (key_at.len() - 1) as u32
            });
            if rows.first[number as usize] != Some(at as u32) {
                rows.more.push((number, at as u32));
            }
        }
        let (mut source, mut target) = (Vec::new(), Vec::new());
        for at in 0..from.len() {
            if at % 65_536 == 0 {
                work.check()?;
            }
            for (which, key, ends) in [
                (0, from_rows.row(at), &mut source),
                (1, to_rows.row(at), &mut target),
            ] {
                ends.push(*numbers.entry(key).or_insert_with(|| {
                    key_at.push((which, at));
                    rows.first.push(None);
                    (key_at.len() - 1) as u32
                }));
            }
        }
        let count = key_at.len();
        work.grow(count * 96)?;
        let arrays: Vec<&dyn Array> = [Some(from), Some(to), own]
            .into_iter()
            .flatten()
            .map(AsRef::as_ref)
            .collect();
        let keys = if count == 0 {
            arrow::array::new_empty_array(&data_type(shape.key))
        } else {
            interleave(&arrays, &key_at)?
        };
        let out = Adjacency::new(count, &source);
        let into = Adjacency::new(count, &target);
        let mut nodes = properties(shape, tables, lookup, &rows, &keys)?;
        for strong in &shape.components {
            work.check()?;
            let marks = if *strong {
                components::strong(count, &target, &out)
            } else {
                components::weak(count, &source, &target)
            };
            nodes.push(longs(marks.into_iter().map(i64::from)));
        }
        let degrees = |adjacency: &Adjacency| {
            longs((0..count as u32).map(|node| adjacency.of(node).len() as i64))
        };
        nodes.push(degrees(&into));
        nodes.push(degrees(&out));
        nodes.push(cast_array(&keys, shape.key, Type::String)?);
        work.grow(nodes.iter().map(|n| n.get_array_memory_size()).sum())?;
        Ok(Self {
            nodes,
            edges: args[..width].to_vec(),
            source,
            target,
            out,
            into,
            count,
            keys,
        })
    }

    /// The hash of every node's key.
    pub(super) fn hashes(&self, key: Type) -> Result<ArrayRef> {
        hash_of(&self.keys, key)
    }
}

/// The columns of the nodes that tables give, and those that are the key.
fn properties(
    shape: &Shape,
    tables: usize,
    lookup: Option<&[ArrayRef]>,
    rows: &Rows,
    keys: &ArrayRef,
) -> Result<Vec<ArrayRef>> {
    let mut columns = Vec::with_capacity(shape.nodes.len() + 3);
    for at in 0..tables {
        let ty = shape.nodes[at];
        let column = match lookup {
            None if shape.ids.contains(&at) => cast_array(keys, shape.key, ty)?,
            Some(lookup) => {
                let column = &lookup[at];
                let mut wanted = rows.first.clone();
                for (node, row) in &rows.more {
                    let have = &mut wanted[*node as usize];
                    if have.is_none_or(|h| is_missing(column, h as usize, ty)) {
                        *have = Some(*row);
                    }
                }
                let chosen = take(column, &UInt32Array::from(wanted), None)?;
                // Nodes without a row have "" for texts.
                let chosen = owned(cast_array(&chosen, ty, ty)?);
                if shape.ids.contains(&at) {
                    // Nodes that only edges name have their key.
                    let named = rows.first.iter().map(Option::is_none).collect::<Vec<_>>();
                    let keys = cast_array(keys, shape.key, ty)?;
                    zip(&BooleanArray::from(named), &keys, &chosen)?
                } else {
                    chosen
                }
            }
            None => arrow::array::new_null_array(&data_type(ty), rows.first.len()),
        };
        columns.push(column);
    }
    Ok(columns)
}

fn is_missing(column: &ArrayRef, row: usize, ty: Type) -> bool {
    column.is_null(row) || (ty == Type::String && column.as_string_view().value(row).is_empty())
}
