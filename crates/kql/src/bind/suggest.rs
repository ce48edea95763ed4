//! What a misspelt name may have meant.

use crate::ast::{BinaryOp, Expr, ExprKind};
use crate::diagnostic::Diagnostic;
use crate::types::Type;

/// What columns of these tables are called in Azure Monitor and Microsoft Sentinel, in lower case, and here.
const OTHER_NAMES: [(&str, &str); 2] = [("timegenerated", "Timestamp"), ("computer", "DeviceName")];

/// The candidate closest to `name`, when it is close enough to be worth saying.
pub(super) fn closest<'c>(
    name: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let wanted = name.to_lowercase();
    // Of a short name nothing would be left.
    let length = wanted.chars().count();
    let allowed = if length < 3 { 0 } else { 1 + length / 5 };
    let candidates: Vec<&str> = candidates.collect();
    let renamed = OTHER_NAMES.iter().find(|(other, _)| *other == wanted);
    if let Some((_, own)) = renamed.filter(|(_, own)| candidates.contains(own)) {
        return Some(own);
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= allowed)
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How a length of time is written.
pub(super) const TIMESPAN: &str =
    "Write a length of time with its unit and without quotes: 30m, 12h or 7d";

/// How a moment is written.
pub(super) const MOMENT: &str = "Write a moment as datetime(2026-01-31)";

/// How the operands of an operator that is not defined for them may be written: their types, and whether one of them
/// is a constant.
pub(super) fn operands(op: BinaryOp, types: (Type, Type), constant: bool) -> Option<&'static str> {
    use Type::{DateTime, String, TimeSpan};
    let sum = matches!(op, BinaryOp::Add | BinaryOp::Subtract);
    let moment = if constant {
        MOMENT
    } else {
        "Convert the text with todatetime(…)"
    };
    match types {
        _ if matches!(op, BinaryOp::Text(_) | BinaryOp::MatchesRegex) => match types {
            (String, String) => None,
            (String, _) if constant => Some("Text stands in quotes, digits too"),
            _ => Some("Convert it with tostring(…)"),
        },
        (DateTime, String) if sum && constant => Some(TIMESPAN),
        (DateTime, number) if sum && number.is_numeric() && constant => Some(TIMESPAN),
        (DateTime, number) if sum && number.is_numeric() => Some("Multiply it by a unit: n * 1d"),
        (String, _) | (_, String) if op == BinaryOp::Add => Some("Join texts with strcat(…)"),
        (DateTime, String) | (String, DateTime) if compares(op) => Some(moment),
        (DateTime, number) if compares(op) && number.is_numeric() => Some(MOMENT),
        (TimeSpan, String) | (String, TimeSpan) if compares(op) && constant => Some(TIMESPAN),
        (TimeSpan, number) if compares(op) && number.is_numeric() && constant => Some(TIMESPAN),
        (String, number) | (number, String) if number.is_numeric() => Some(
            "Convert the text with tolong(…) or todouble(…), or write the number without quotes",
        ),
        _ => None,
    }
}

/// Whether an operator compares its operands, and does not make a value of them.
pub(super) fn compares(op: BinaryOp) -> bool {
    !matches!(
        op,
        BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Modulo
    )
}

/// Advises quotes around an unknown name, dots and all, that a string is compared with.
pub(super) fn quotes(said: &mut [Diagnostic], compared: &Expr) {
    let Some(text) = dotted(compared) else {
        return;
    };
    let unknown = said
        .iter_mut()
        .find(|d| d.code == "KS142" && d.suggestion.is_none());
    if let Some(unknown) = unknown {
        unknown.suggestion = Some(format!("Text stands in quotes: \"{text}\""));
    }
}

/// A name, or names with dots between them.
fn dotted(expr: &Expr) -> Option<String> {
    let mut names = Vec::new();
    let mut at = expr;
    loop {
        match &at.kind {
            ExprKind::Name(name) => {
                names.push(name.text.as_str());
                names.reverse();
                return Some(names.join("."));
            }
            ExprKind::Member { object, name } => {
                names.push(&name.text);
                at = object;
            }
            _ => return None,
        }
    }
}

/// Edits (insert, delete, replace, swap of neighbours) between two texts.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(128).collect();
    let b: Vec<char> = b.chars().take(128).collect();
    let mut before = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let same = usize::from(a[i] != b[j]);
            let mut best = (previous[j] + same)
                .min(previous[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before.get(j - 1).map_or(usize::MAX, |d: &usize| d + 1));
            }
            row.push(best);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_near_miss_and_no_far_one() {
        let tables = ["DeviceProcessEvents", "DeviceEvents", "AlertInfo"];
        assert_eq!(
            closest("DeviceProcesEvents", tables.into_iter()),
            Some("DeviceProcessEvents")
        );
        assert_eq!(
            closest("deviceprocessevents", tables.into_iter()),
            Some("DeviceProcessEvents")
        );
        assert_eq!(closest("AlretInfo", tables.into_iter()), Some("AlertInfo"));
        assert_eq!(closest("Whatever", tables.into_iter()), None);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
