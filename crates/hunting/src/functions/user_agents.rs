//! `parse_user_agent`: browser, operating system and device by the patterns of the project uap-core (`data/uap-core`).

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::array::ArrayRef;
use bartizan_kql::types::Type;
use datafusion::error::{DataFusionError, Result};
use ua_parser::{Extractor, Regexes};

use super::call::Call;
use crate::json::{self, push_json_string};

/// Made when it is first asked for: a tenth of a second, and 20 MB.
static PATTERNS: LazyLock<std::result::Result<Extractor<'static>, String>> = LazyLock::new(|| {
    let json = include_str!("../../data/uap-core/regexes.json");
    let regexes: Regexes<'static> = serde_json::from_str(json).map_err(|e| e.to_string())?;
    Extractor::try_from(regexes).map_err(|e| e.to_string())
});

/// Bytes of a text that are looked at: none that a client sends is as long.
const LONGEST: usize = 4_096;

/// What is asked for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Targets {
    browser: bool,
    system: bool,
    device: bool,
}

impl Targets {
    fn add(&mut self, name: &str) {
        match name.trim().to_ascii_lowercase().as_str() {
            "browser" => self.browser = true,
            "os" => self.system = true,
            "device" => self.device = true,
            _ => {}
        }
    }

    /// From a name, or an array of names.
    fn of(ty: Type, text: &str) -> Self {
        let mut targets = Self::default();
        match ty {
            Type::Dynamic if json::kind(text) == Some(json::Kind::Array) => {
                json::elements(text).for_each(|name| targets.add(&json::to_text(name)));
            }
            Type::Dynamic => targets.add(&json::to_text(text)),
            _ => targets.add(text),
        }
        targets
    }
}

/// `parse_user_agent(text, look-for)`. What no pattern fits is of the family `Other`, as in the libraries that share the
/// patterns; null when nothing that there is was asked for.
pub(super) fn parse_user_agent(call: &Call) -> Result<ArrayRef> {
    let patterns = PATTERNS
        .as_ref()
        .map_err(|message| DataFusionError::Internal(message.clone()))?;
    let (texts, wanted) = (call.texts(0)?, call.texts(1)?);
    let wanted_type = call.arg(1)?.ty;
    // The same few come again and again.
    let mut known: HashMap<(&str, Targets), String> = HashMap::new();
    call.make_texts(|row, out| {
        let targets = Targets::of(wanted_type, wanted.get(row));
        if targets == Targets::default() {
            return false;
        }
        let text = beginning(texts.get(row));
        let answer = known
            .entry((text, targets))
            .or_insert_with(|| parsed(patterns, text, targets));
        out.push_str(answer);
        true
    })
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// The bag of what was asked for.
fn parsed<'t>(patterns: &'t Extractor<'t>, text: &'t str, targets: Targets) -> String {
    let mut parts = Vec::new();
    if targets.browser {
        let found = patterns.ua.extract(text);
        let found = found.as_ref();
        parts.push(part(
            "Browser",
            found.map(|f| &*f.family),
            [
                ("MajorVersion", found.and_then(|f| f.major)),
                ("MinorVersion", found.and_then(|f| f.minor)),
                ("Patch", found.and_then(|f| f.patch)),
            ],
        ));
    }
    if targets.system {
        let found = patterns.os.extract(text);
        let found = found.as_ref();
        parts.push(part(
            "OperatingSystem",
            found.map(|f| &*f.os),
            [
                ("MajorVersion", found.and_then(|f| f.major.as_deref())),
                ("MinorVersion", found.and_then(|f| f.minor.as_deref())),
                ("Patch", found.and_then(|f| f.patch.as_deref())),
                ("PatchMinor", found.and_then(|f| f.patch_minor.as_deref())),
            ],
        ));
    }
    if targets.device {
        let found = patterns.dev.extract(text);
        let found = found.as_ref();
        parts.push(part(
            "Device",
            found.map(|f| &*f.device),
            [
                ("Brand", found.and_then(|f| f.brand.as_deref())),
                ("Model", found.and_then(|f| f.model.as_deref())),
            ],
        ));
    }
    format!("{{{}}}", parts.join(","))
}

/// A member whose value is a bag of a family and some texts.
fn part<const N: usize>(
    name: &str,
    family: Option<&str>,
    rest: [(&str, Option<&str>); N],
) -> String {
    let mut out = format!("\"{name}\":{{\"Family\":");
    push_json_string(&mut out, family.unwrap_or("Other"));
    for (key, value) in rest {
        out.push_str(",\"");
        out.push_str(key);
        out.push_str("\":");
        push_json_string(&mut out, value.unwrap_or(""));
    }
    out.push('}');
    out
}
