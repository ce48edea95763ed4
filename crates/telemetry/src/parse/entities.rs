//! Entities of XML and HTML in texts, and the `<Data Name="…">` items of an event's XML.

use std::borrow::Cow;

/// Replaces `&lt;`, `&gt;`, `&amp;`, `&quot;`, `&apos;` and numeric references. Anything else that
/// begins with `&` stays as it is: command lines contain it.
#[must_use]
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') || !text.contains(';') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some((c, length)) => {
                out.push(c);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character that a reference at the start of `text` stands for, and the reference's length.
fn reference(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(12).position(|b| b == b';')?;
    let name = text.get(1..end)?;
    let c = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c, end + 1))
}

/// The `<Data Name="…">text</Data>` items of an event's XML, in order, unescaped. Log Analytics
/// keeps an event's data in this form. Malformed XML gives what could be read before the fault.
#[must_use]
pub fn data_items(xml: &str) -> Vec<(String, String)> {
    let mut items = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find("<Data") {
        rest = &rest[at + "<Data".len()..];
        let Some(close) = rest.find('>') else { break };
        let (attributes, tail) = (&rest[..close], &rest[close + 1..]);
        rest = tail;
        let Some(name) = attribute(attributes, "Name") else {
            continue;
        };
        if attributes.ends_with('/') {
            items.push((unescape(name).into_owned(), String::new()));
            continue;
        }
        let Some(end) = rest.find("</Data>") else {
            break;
        };
        items.push((
            unescape(name).into_owned(),
            unescape(&rest[..end]).into_owned(),
        ));
        rest = &rest[end + "</Data>".len()..];
    }
    items
}

fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let at = attributes.find(&format!("{name}="))? + name.len() + 1;
    let rest = attributes.get(at..)?;
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest[1..].split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities() {
        assert_eq!(unescape("&lt;Anonymous Pipe&gt;"), "<Anonymous Pipe>");
        assert_eq!(unescape("a & b; c&d"), "a & b; c&d");
        assert_eq!(unescape("&#233;&#x41;&amp;lt;"), "éA&lt;");
        assert_eq!(unescape("&#99999999;"), "&#99999999;");
    }

    #[test]
    fn event_xml() {
        let items = data_items(
            r#"<DataItem><EventData xmlns="x"><Data Name="UtcTime">2021-01-01</Data><Data Name='a'/><Data Name="Image">C:\a&amp;b</Data><Data Name="cut">"#,
        );
        assert_eq!(items.len(), 3);
        assert_eq!(items[2], ("Image".to_owned(), r"C:\a&b".to_owned()));
    }
}
