//! `ipv4_lookup` and `ipv6_lookup`: networks by their prefix length and masked address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use bartizan_kql::bound::Column;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::Call;
use super::values::{most_matches, picked, strings, too_many_matches};
use crate::error::HuntError;
use crate::plan::{Kernel, Made};

/// The networks, and the columns to add.
pub(super) struct Lookup {
    v6: bool,
    unmatched: bool,
    /// The columns to add; true for those that are texts and never null.
    columns: Vec<(ArrayRef, bool)>,
    /// Prefix lengths, the longest first.
    lengths: Vec<u32>,
    /// Rows by prefix length, masked address and further keys.
    rows: HashMap<(u32, u128, String), Vec<u32>>,
}

impl Lookup {
    pub(super) fn new(
        call: Call,
        v6: bool,
        unmatched: bool,
        outputs: &[Column],
    ) -> std::result::Result<Self, HuntError> {
        let width = outputs.len();
        let table: RecordBatch = call
            .lookup
            .ok_or_else(|| HuntError::Internal("a lookup without its table".into()))?;
        let networks = strings(table.column(width));
        let keys: Vec<Vec<&str>> = table.columns()[width + 1..].iter().map(strings).collect();
        let mut rows: HashMap<(u32, u128, String), Vec<u32>> = HashMap::new();
        for (row, network) in networks.iter().enumerate() {
            if let Some((address, length)) = parsed(network, v6) {
                let key = (length, masked(address, length, v6), joined(&keys, row));
                rows.entry(key).or_default().push(row as u32);
            }
        }
        let mut lengths: Vec<u32> = rows.keys().map(|(length, ..)| *length).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        Ok(Self {
            v6,
            unmatched,
            columns: table
                .columns()
                .iter()
                .zip(outputs)
                .map(|(array, column)| (array.clone(), column.ty == Type::String))
                .collect(),
            lengths,
            rows,
        })
    }
}

impl Kernel for Lookup {
    fn run(&self, args: &[ArrayRef], rows: usize) -> Result<Made> {
        let addresses = strings(&args[0]);
        let keys: Vec<Vec<&str>> = args[1..].iter().map(strings).collect();
        let (mut own, mut found) = (Vec::<u32>::new(), Vec::<Option<u32>>::new());
        let most = most_matches(self.columns.len());
        for (row, address) in addresses.iter().enumerate().take(rows) {
            let before = own.len();
            if let Some((address, length)) = parsed(address, self.v6) {
                let further = joined(&keys, row);
                for network in self.lengths.iter().filter(|l| **l <= length) {
                    let key = (
                        *network,
                        masked(address, *network, self.v6),
                        further.clone(),
                    );
                    for there in self.rows.get(&key).into_iter().flatten() {
                        own.push(row as u32);
                        found.push(Some(*there));
                    }
                }
            }
            if own.len() > most {
                return Err(too_many_matches());
            }
            if before == own.len() && self.unmatched {
                own.push(row as u32);
                found.push(None);
            }
        }
        let columns = self
            .columns
            .iter()
            .map(|(column, text)| {
                picked(
                    column,
                    &found,
                    if *text { Type::String } else { Type::Long },
                )
            })
            .collect::<Result<_>>()?;
        Ok(Made {
            rows: Some(UInt32Array::from(own)),
            columns,
        })
    }
}

fn joined(keys: &[Vec<&str>], row: usize) -> String {
    let mut text = String::new();
    for key in keys {
        text.push_str(key[row]);
        text.push('\u{1f}');
    }
    text
}

/// An address with its prefix length, in as many bits as its kind has.
fn parsed(text: &str, v6: bool) -> Option<(u128, u32)> {
    let (address, length) = match text.trim().split_once('/') {
        Some((address, length)) => (address, Some(length.trim().parse::<u32>().ok()?)),
        None => (text.trim(), None),
    };
    if v6 {
        let (bits, own) = match address.parse::<IpAddr>().ok()? {
            IpAddr::V6(a) => (u128::from(a), 0),
            // An IPv4 address counts as the IPv6 address that maps it.
            IpAddr::V4(a) => (u128::from(a.to_ipv6_mapped()), 96),
        };
        let length = length.map_or(128, |l| l + own);
        return (length <= 128).then_some((bits, length));
    }
    let bits = u128::from(u32::from(address.parse::<Ipv4Addr>().ok()?));
    let length = length.unwrap_or(32);
    (length <= 32).then_some((bits, length))
}

fn masked(address: u128, length: u32, v6: bool) -> u128 {
    let width = if v6 { 128 } else { 32 };
    let drop = width - length;
    if drop >= 128 {
        return 0;
    }
    (address >> drop) << drop
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_masked_to_their_network() {
        assert_eq!(parsed("10.1.2.3/24", false).map(|p| p.1), Some(24));
        let (address, length) = parsed("10.1.2.3/24", false).unwrap();
        assert_eq!(masked(address, length, false), 0x0a01_0200);
        assert_eq!(parsed("10.1.2.3/33", false), None);
        let (mapped, _) = parsed("1.2.3.4", true).unwrap();
        let (same, _) = parsed("::ffff:1.2.3.4", true).unwrap();
        assert_eq!(mapped, same);
        assert_eq!(masked(u128::MAX, 0, true), 0);
    }
}
