//! Networks: prefixes of addresses in texts, CIDR notation, and ranges of either family.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use arrow::array::ArrayRef;
use bartizan_kql::types::Type;
use datafusion::error::Result;

use super::addresses::{ipv4, ipv6, listed, mask};
use super::call::Call;
use super::conversion::Number;

/// Whether a text is the beginning of an address: `10.`, `10.1.` and so on, or a whole address.
fn is_prefix(text: &str) -> bool {
    if !text.ends_with('.') {
        return ipv4(text).is_some() && !text.contains('/');
    }
    let parts: Vec<&str> = text[..text.len() - 1].split('.').collect();
    let is_byte = |p: &&str| {
        !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u8>().is_ok()
    };
    (1..=3).contains(&parts.len()) && parts.iter().all(is_byte)
}

/// Whether an address that begins like this stands in a text, with no letter or digit beside it.
fn has_prefix(text: &str, prefix: &str) -> bool {
    if !is_prefix(prefix) {
        return false;
    }
    let bytes = text.as_bytes();
    text.match_indices(prefix).any(|(start, _)| {
        let beside = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
        if start > 0 && beside(bytes[start - 1]) {
            return false;
        }
        let rest = &text[start..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let address = rest[..end].trim_end_matches('.');
        let after = rest[end..].bytes().next();
        ipv4(address).is_some() && !after.is_some_and(|b| b.is_ascii_alphanumeric())
    })
}

pub(super) fn has_ipv4_prefix(call: &Call) -> Result<ArrayRef> {
    let (texts, prefixes) = (call.texts(0)?, call.texts(1)?);
    call.make_bools(|row| Some(has_prefix(texts.get(row), prefixes.get(row))))
}

pub(super) fn has_any_ipv4_prefix(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.make_bools(|row| {
        let prefixes = listed(&call.args[1..], row);
        Some(prefixes.iter().any(|p| has_prefix(texts.get(row), p)))
    })
}

/// `format_ipv4_mask(address, prefix)`: "" for a prefix that is none.
pub(super) fn format_ipv4_mask(call: &Call) -> Result<ArrayRef> {
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
            .and_then(|p| u32::try_from(p).ok())
            .filter(|p| *p <= 32);
        if let (Some((address, own)), Some(prefix)) = (value, wanted) {
            let prefix = prefix.min(own);
            let _ = write!(out, "{}/{prefix}", Ipv4Addr::from(address & mask(prefix)));
        }
        true
    })
}

/// `ipv4_range_to_cidr_list(first, last)`: the fewest networks that cover just these addresses.
pub(super) fn range_to_cidr_list(call: &Call) -> Result<ArrayRef> {
    let (firsts, lasts) = (call.texts(0)?, call.texts(1)?);
    call.make_texts(|row, out| {
        let (Some((first, _)), Some((last, _))) = (ipv4(firsts.get(row)), ipv4(lasts.get(row)))
        else {
            return false;
        };
        let (mut from, end) = (u64::from(first), u64::from(last) + 1);
        out.push('[');
        while from < end {
            // As large as the start is aligned for and the rest has room for.
            let aligned = from.trailing_zeros().min(32);
            let room = (end - from).ilog2();
            let bits = aligned.min(room);
            if out.len() > 1 {
                out.push(',');
            }
            let _ = write!(out, "\"{}/{}\"", Ipv4Addr::from(from as u32), 32 - bits);
            from += 1 << bits;
        }
        out.push(']');
        true
    })
}

/// An address of either family. The older form of IPv4 within IPv6, `::1.2.3.4`, is the mapped one; then, too, a
/// prefix counts from the IPv4 part.
fn either(text: &str) -> Option<(u128, u32)> {
    let inner = text
        .trim()
        .strip_prefix("::")
        .filter(|rest| ipv4(rest).is_some());
    ipv6(inner.unwrap_or(text))
}

fn mask6(prefix: u32) -> u128 {
    u128::MAX.checked_shl(128 - prefix.min(128)).unwrap_or(0)
}

/// `parse_ipv6_mask(address, prefix)`: "" for what is no address.
pub(super) fn parse_ipv6_mask(call: &Call) -> Result<ArrayRef> {
    let (texts, prefixes) = (call.texts(0)?, call.longs(1)?);
    call.make_texts(|row, out| {
        let prefix = prefixes.get(row).and_then(|p| u32::try_from(p).ok());
        let Some(((address, own), prefix)) =
            either(texts.get(row)).zip(prefix.filter(|p| *p <= 128))
        else {
            return true;
        };
        let network = Ipv6Addr::from(address & mask6(own.min(prefix)));
        let groups: Vec<String> = network
            .segments()
            .iter()
            .map(|s| format!("{s:04x}"))
            .collect();
        out.push_str(&groups.join(":"));
        true
    })
}

fn in_range6(address: (u128, u32), range: &str) -> Option<bool> {
    let (network, prefix) = either(range)?;
    Some((address.0 ^ network) & mask6(prefix) == 0)
}

pub(super) fn ipv6_is_in_range(call: &Call) -> Result<ArrayRef> {
    let (addresses, ranges) = (call.texts(0)?, call.texts(1)?);
    call.make_bools(|row| in_range6(either(addresses.get(row))?, ranges.get(row)))
}

pub(super) fn ipv6_is_in_any_range(call: &Call) -> Result<ArrayRef> {
    let addresses = call.texts(0)?;
    call.make_bools(|row| {
        let address = either(addresses.get(row))?;
        let ranges = listed(&call.args[1..], row);
        Some(ranges.iter().any(|r| in_range6(address, r) == Some(true)))
    })
}
