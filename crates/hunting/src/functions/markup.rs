//! `parse_xml`: elements, attributes and texts as JSON (docs page "parse-xml-function").
//!
//! An attribute is a member `@name`, text beside other things `#text`; an element with text alone is a string, an
//! empty one null, and elements of one name become an array. Comments, declarations and instructions are skipped.

use indexmap::IndexMap;

use crate::json::push_json_string;

/// Bytes of a text at most, as documented.
const LONGEST: usize = 1_048_576;
/// Elements within elements at most.
const DEEPEST: usize = 256;

/// A value while it is read.
enum Value {
    Text(String),
    /// Members in order of their first appearance; several values of a name are an array.
    Members(IndexMap<String, Vec<Value>>),
}

/// An element while it is open.
struct Open {
    name: String,
    members: IndexMap<String, Vec<Value>>,
    text: String,
}

impl Open {
    fn add(&mut self, name: &str, value: Value) {
        match self.members.get_mut(name) {
            Some(values) => values.push(value),
            None => {
                self.members.insert(name.to_owned(), vec![value]);
            }
        }
    }

    fn closed(mut self) -> (String, Value) {
        let text = self.text.trim().to_owned();
        if self.members.is_empty() {
            return (self.name, Value::Text(text));
        }
        if !text.is_empty() {
            self.add("#text", Value::Text(text));
        }
        (self.name, Value::Members(self.members))
    }
}

/// Appends the JSON of an XML text; false when it is not XML.
pub(super) fn push_json(text: &str, out: &mut String) -> bool {
    let Some((name, value)) = (text.len() <= LONGEST).then(|| read(text)).flatten() else {
        return false;
    };
    out.push('{');
    push_json_string(out, &name);
    out.push(':');
    push_value(out, &value);
    out.push('}');
    true
}

fn push_value(out: &mut String, value: &Value) {
    match value {
        Value::Text(text) if text.is_empty() => out.push_str("null"),
        Value::Text(text) => push_json_string(out, text),
        Value::Members(members) => {
            out.push('{');
            for (i, (name, values)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_json_string(out, name);
                out.push(':');
                match values.as_slice() {
                    [Value::Text(text)] if name.starts_with('@') => push_json_string(out, text),
                    [only] => push_value(out, only),
                    several => {
                        out.push('[');
                        for (i, value) in several.iter().enumerate() {
                            if i > 0 {
                                out.push(',');
                            }
                            push_value(out, value);
                        }
                        out.push(']');
                    }
                }
            }
            out.push('}');
        }
    }
}

/// The root element of a document.
fn read(text: &str) -> Option<(String, Value)> {
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    while !rest.is_empty() {
        let Some(markup) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            match open.last_mut() {
                Some(element) => push_unescaped(&mut element.text, &rest[..end])?,
                None if rest[..end].trim().is_empty() => {}
                None => return None,
            }
            rest = &rest[end..];
            continue;
        };
        if let Some(after) = skipped(markup)? {
            rest = after;
        } else if let Some(data) = markup.strip_prefix("![CDATA[") {
            let end = data.find("]]>")?;
            open.last_mut()?.text.push_str(&data[..end]);
            rest = &data[end + 3..];
        } else if let Some(end_tag) = markup.strip_prefix('/') {
            let (name, after) = end_tag.split_once('>')?;
            let element = open.pop().filter(|e| e.name == name.trim_end())?;
            close(element, &mut open, &mut root)?;
            rest = after;
        } else {
            let (element, empty, after) = start_tag(markup)?;
            if open.len() >= DEEPEST || (open.is_empty() && root.is_some()) {
                return None;
            }
            if empty {
                close(element, &mut open, &mut root)?;
            } else {
                open.push(element);
            }
            rest = after;
        }
    }
    root.filter(|_| open.is_empty())
}

fn close(element: Open, open: &mut [Open], root: &mut Option<(String, Value)>) -> Option<()> {
    let (name, value) = element.closed();
    match open.last_mut() {
        Some(parent) => parent.add(&name, value),
        None if root.is_none() => *root = Some((name, value)),
        None => return None,
    }
    Some(())
}

/// What follows a comment, an instruction or a document type; none when there is none of these.
fn skipped(markup: &str) -> Option<Option<&str>> {
    if let Some(comment) = markup.strip_prefix("!--") {
        return Some(Some(&comment[comment.find("-->")? + 3..]));
    }
    if let Some(instruction) = markup.strip_prefix('?') {
        return Some(Some(&instruction[instruction.find("?>")? + 2..]));
    }
    if let Some(kind) = markup.strip_prefix("!DOCTYPE") {
        let mut depth = 0usize;
        for (i, byte) in kind.bytes().enumerate() {
            match byte {
                b'[' => depth += 1,
                b']' => depth = depth.checked_sub(1)?,
                b'>' if depth == 0 => return Some(Some(&kind[i + 1..])),
                _ => {}
            }
        }
        return None;
    }
    Some(None)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '.')
}

/// A start tag after its `<`: the element, whether it is empty, and what follows.
fn start_tag(markup: &str) -> Option<(Open, bool, &str)> {
    let end = markup.find(|c| !is_name(c))?;
    let mut element = Open {
        name: markup.get(..end).filter(|n| !n.is_empty())?.to_owned(),
        members: IndexMap::new(),
        text: String::new(),
    };
    let mut rest = &markup[end..];
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("/>") {
            return Some((element, true, after));
        }
        if let Some(after) = rest.strip_prefix('>') {
            return Some((element, false, after));
        }
        let end = rest.find(|c| !is_name(c)).filter(|end| *end > 0)?;
        let name = format!("@{}", &rest[..end]);
        let value = rest[end..].trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (inside, after) = value[1..].split_once(quote)?;
        if element.members.contains_key(&name) || inside.contains('<') {
            return None;
        }
        let mut text = String::new();
        push_unescaped(&mut text, inside)?;
        element.add(&name, Value::Text(text));
        rest = after;
    }
}

/// Appends a text with its references replaced; none for one that is not known.
fn push_unescaped(out: &mut String, text: &str) -> Option<()> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = after.split_once(';')?;
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = name.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(xml: &str) -> Option<String> {
        let mut out = String::new();
        push_json(xml, &mut out).then_some(out)
    }

    #[test]
    fn elements_attributes_and_texts() {
        for (xml, wanted) in [
            ("<a/>", r#"{"a":null}"#),
            ("<a> x &lt; y </a>", r#"{"a":"x < y"}"#),
            ("<a b='1'/>", r#"{"a":{"@b":"1"}}"#),
            ("<a b='1'>t</a>", r##"{"a":{"@b":"1","#text":"t"}}"##),
            (
                "<a><b>1</b><b>2</b><c/></a>",
                r#"{"a":{"b":["1","2"],"c":null}}"#,
            ),
            (
                "<?xml version='1.0'?><!-- c --><a><![CDATA[<&]]></a>\n",
                r#"{"a":"<&"}"#,
            ),
            (
                "<a b=''>&#65;&#x42;</a>",
                r##"{"a":{"@b":"","#text":"AB"}}"##,
            ),
        ] {
            assert_eq!(json(xml).as_deref(), Some(wanted), "{xml}");
        }
    }

    #[test]
    fn what_is_not_xml_gives_nothing() {
        for broken in [
            "",
            "x",
            "<",
            "<a",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a b/>",
            "<a b=1/>",
            "<a>&x;</a>",
            "<a b='1' b='2'/>",
            "<!DOCTYPE",
            "<!--",
            "<é",
            "<a><![CDATA[",
            "< a/>",
        ] {
            assert_eq!(json(broken), None, "{broken}");
        }
        assert_eq!(json(&"<a>".repeat(100_000)), None);
    }
}
