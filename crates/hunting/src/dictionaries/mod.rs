//! Groups by texts that files keep as dictionaries.
//!
//! Parquet keeps a column of few different texts as a dictionary per row group and a number per row. To group by such
//! columns, most of the time goes into making texts of the numbers, and into hashing and comparing these. Here a
//! `summarize` reads the numbers: each text is looked at once per dictionary, and rows find their groups by whole numbers.
//!
//! - `scan.rs` says which columns of a scan can be read so, and reads them so.
//! - `rule.rs` finds aggregations all of whose keys can.
//! - `groups.rs` finds the groups of rows, `exec.rs` aggregates them: one stage of two, in the place of DataFusion's.
//! - `numbers.rs` holds the numbers of a dictionary's texts, for keys and for `dcount`.

mod exec;
mod groups;
mod numbers;
mod rule;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use numbers::DictionaryNumbers;
pub(crate) use rule::DictionaryGroups;
