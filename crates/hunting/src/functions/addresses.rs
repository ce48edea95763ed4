//! IP addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use arrow::array::ArrayRef;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::call::{Argument, Call};
use super::conversion::Number;
use crate::json;

/// An IPv4 address and the length of its prefix.
pub(super) fn ipv4(text: &str) -> Option<(u32, u32)> {
    let text = text.trim();
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (
            address,
            prefix.trim().parse::<u32>().ok().filter(|p| *p <= 32)?,
        ),
        None => (text, 32),
    };
    let mut value = 0u32;
    let mut parts = 0;
    for part in address.trim().split('.') {
        let byte: u8 = if part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit()) {
            part.parse().ok()?
        } else {
            return None;
        };
        value = value << 8 | u32::from(byte);
        parts += 1;
    }
    (parts == 4).then_some((value, prefix))
}

pub(super) fn mask(prefix: u32) -> u32 {
    u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0)
}

/// The two values under the shortest of their prefixes and an optional third.
fn masked(a: (u32, u32), b: (u32, u32), prefix: Option<i64>) -> (u32, u32) {
    let given = prefix.and_then(|p| u32::try_from(p).ok()).unwrap_or(32);
    let mask = mask(a.1.min(b.1).min(given));
    (a.0 & mask, b.0 & mask)
}

pub(super) fn ipv4_is_private(call: &Call) -> Result<ArrayRef> {
    const PRIVATE: [(u32, u32); 3] = [(0x0a00_0000, 8), (0xac10_0000, 12), (0xc0a8_0000, 16)];
    let texts = call.texts(0)?;
    call.make_bools(|row| {
        let (address, prefix) = ipv4(texts.get(row))?;
        Some(
            PRIVATE
                .iter()
                .any(|(network, length)| prefix >= *length && address & mask(*length) == *network),
        )
    })
}

fn in_range(address: &str, range: &str) -> Option<bool> {
    let (address, _) = ipv4(address)?;
    let (network, prefix) = ipv4(range)?;
    Some((address ^ network) & mask(prefix) == 0)
}

pub(super) fn ipv4_is_in_range(call: &Call) -> Result<ArrayRef> {
    let (addresses, ranges) = (call.texts(0)?, call.texts(1)?);
    call.make_bools(|row| in_range(addresses.get(row), ranges.get(row)))
}

/// The texts of arguments that are strings or dynamic arrays of strings.
pub(super) fn listed(arguments: &[Argument], row: usize) -> Vec<String> {
    let mut all = Vec::new();
    for argument in arguments {
        let Ok(texts) = argument.texts() else {
            continue;
        };
        let text = texts.get(row);
        if argument.ty == Type::Dynamic && json::kind(text) == Some(json::Kind::Array) {
            all.extend(json::elements(text).map(|e| json::to_text(e).into_owned()));
        } else if argument.ty == Type::Dynamic {
            all.push(json::to_text(text).into_owned());
        } else {
            all.push(text.to_owned());
        }
    }
    all
}

pub(super) fn ipv4_is_in_any_range(call: &Call) -> Result<ArrayRef> {
    let addresses = call.texts(0)?;
    call.make_bools(|row| {
        ipv4(addresses.get(row))?;
        Some(
            listed(&call.args[1..], row)
                .iter()
                .any(|r| in_range(addresses.get(row), r) == Some(true)),
        )
    })
}

fn prefix_of(call: &Call, row: usize) -> Option<Option<i64>> {
    match call.args.get(2) {
        Some(argument) => Some(Some(Number::of(argument).ok()?.long(row)?)),
        None => Some(None),
    }
}

pub(super) fn ipv4_compare(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    call.make_longs(|row| {
        let (a, b) = masked(
            ipv4(left.get(row))?,
            ipv4(right.get(row))?,
            prefix_of(call, row)?,
        );
        Some(a.cmp(&b) as i64)
    })
}

pub(super) fn ipv4_is_match(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    call.make_bools(|row| {
        let (a, b) = masked(
            ipv4(left.get(row))?,
            ipv4(right.get(row))?,
            prefix_of(call, row)?,
        );
        Some(a == b)
    })
}

pub(super) fn parse_ipv4(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_longs(|row| ipv4(texts.get(row)).map(|(a, p)| i64::from(a & mask(p))))
}

pub(super) fn parse_ipv4_mask(call: &Call) -> Result<ArrayRef> {
    let (texts, prefixes) = (call.texts(0)?, call.longs(1)?);
    call.make_longs(|row| {
        let (address, own) = ipv4(texts.get(row))?;
        let prefix = u32::try_from(prefixes.get(row)?)
            .ok()
            .filter(|p| *p <= 32)?;
        Some(i64::from(address & mask(prefix.min(own))))
    })
}

pub(super) fn format_ipv4(call: &Call) -> Result<ArrayRef> {
    let argument = call.arg(0)?;
    let prefixes = call.longs_opt(1)?;
    call.make_texts(|row, out| {
        let value = match argument.ty {
            Type::String => argument.texts().ok().and_then(|t| ipv4(t.get(row))),
            _ => Number::of(argument)
                .ok()
                .and_then(|n| u32::try_from(n.long(row)?).ok())
                .map(|v| (v, 32)),
        };
        let wanted = prefixes
            .map_or(Some(32), |p| p.get(row))
            .and_then(|p| u32::try_from(p).ok());
        if let (Some((address, own)), Some(prefix)) = (value, wanted.filter(|p| *p <= 32)) {
            out.push_str(&Ipv4Addr::from(address & mask(prefix.min(own))).to_string());
        }
        true
    })
}

pub(super) fn ipv4_netmask_suffix(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_longs(|row| ipv4(texts.get(row)).map(|(_, p)| i64::from(p)))
}

/// An IPv6 address and the length of its prefix; an IPv4 address is mapped.
pub(super) fn ipv6(text: &str) -> Option<(u128, u32)> {
    if let Some((address, prefix)) = ipv4(text) {
        return Some((
            u128::from(Ipv4Addr::from(address).to_ipv6_mapped()),
            prefix + 96,
        ));
    }
    let (address, prefix) = match text.trim().split_once('/') {
        Some((address, prefix)) => (
            address,
            prefix.trim().parse::<u32>().ok().filter(|p| *p <= 128)?,
        ),
        None => (text.trim(), 128),
    };
    Some((u128::from(address.parse::<Ipv6Addr>().ok()?), prefix))
}

fn masked6(a: (u128, u32), b: (u128, u32), prefix: Option<i64>) -> (u128, u128) {
    let given = prefix.and_then(|p| u32::try_from(p).ok()).unwrap_or(128);
    let mask = u128::MAX
        .checked_shl(128 - a.1.min(b.1).min(given))
        .unwrap_or(0);
    (a.0 & mask, b.0 & mask)
}

pub(super) fn ipv6_compare(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    call.make_longs(|row| {
        let (a, b) = masked6(
            ipv6(left.get(row))?,
            ipv6(right.get(row))?,
            prefix_of(call, row)?,
        );
        Some(a.cmp(&b) as i64)
    })
}

pub(super) fn ipv6_is_match(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    call.make_bools(|row| {
        let (a, b) = masked6(
            ipv6(left.get(row))?,
            ipv6(right.get(row))?,
            prefix_of(call, row)?,
        );
        Some(a == b)
    })
}

pub(super) fn parse_ipv6(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_texts(|row, out| {
        let Some((address, prefix)) = ipv6(texts.get(row)) else {
            return true;
        };
        let address = address & u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
        let groups: Vec<String> = Ipv6Addr::from(address)
            .segments()
            .iter()
            .map(|s| format!("{s:04x}"))
            .collect();
        out.push_str(&groups.join(":"));
        true
    })
}

/// Whether an address stands in a text with no digit, letter or dot that would make it longer beside it.
fn has_address(text: &str, address: &str) -> bool {
    if ipv4(address).is_none() || address.contains('/') {
        return false;
    }
    let bytes = text.as_bytes();
    let beside = |b: u8| b.is_ascii_alphanumeric();
    text.match_indices(address).any(|(start, _)| {
        let end = start + address.len();
        let before = start == 0 || !(beside(bytes[start - 1]) || bytes[start - 1] == b'.');
        let after = match bytes.get(end) {
            None => true,
            Some(b'.') => !bytes.get(end + 1).is_some_and(u8::is_ascii_digit),
            Some(b) => !beside(*b),
        };
        before && after
    })
}

pub(super) fn has_ipv4(call: &Call) -> Result<ArrayRef> {
    let (texts, addresses) = (call.texts(0)?, call.texts(1)?);
    call.make_bools(|row| Some(has_address(texts.get(row), addresses.get(row))))
}

pub(super) fn has_any_ipv4(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_bools(|row| {
        Some(
            listed(&call.args[1..], row)
                .iter()
                .any(|a| has_address(texts.get(row), a)),
        )
    })
}
