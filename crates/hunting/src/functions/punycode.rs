//! Punycode (RFC 3492), on its own and by the labels of a domain.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_CODE: u32 = 128;

/// Characters that are dealt with at most: encoding takes time quadratic in them.
const LONGEST: usize = 10_000;

/// Section 6.1: the bias after a step.
fn adapted(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

fn threshold(k: u32, bias: u32) -> u32 {
    k.saturating_sub(bias).clamp(T_MIN, T_MAX)
}

fn digit(value: u32) -> char {
    let byte = if value < 26 {
        b'a' + value as u8
    } else {
        b'0' + (value - 26) as u8
    };
    byte.into()
}

fn value(digit: u8) -> Option<u32> {
    Some(match digit {
        b'a'..=b'z' => u32::from(digit - b'a'),
        b'A'..=b'Z' => u32::from(digit - b'A'),
        b'0'..=b'9' => u32::from(digit - b'0') + 26,
        _ => return None,
    })
}

/// Section 6.3. None when the text is too long.
pub(super) fn encode(text: &str) -> Option<String> {
    let points: Vec<u32> = text.chars().map(u32::from).collect();
    if points.len() > LONGEST {
        return None;
    }
    let mut out: String = text.chars().filter(char::is_ascii).collect();
    let basic = out.len() as u32;
    if basic > 0 {
        out.push('-');
    }
    let (mut code, mut delta, mut bias, mut done) = (FIRST_CODE, 0u32, FIRST_BIAS, basic);
    while (done as usize) < points.len() {
        let next = points.iter().copied().filter(|p| *p >= code).min()?;
        delta = delta.checked_add((next - code).checked_mul(done + 1)?)?;
        code = next;
        for point in &points {
            if *point < code {
                delta = delta.checked_add(1)?;
            } else if *point == code {
                let (mut rest, mut k) = (delta, BASE);
                loop {
                    let t = threshold(k, bias);
                    if rest < t {
                        break;
                    }
                    out.push(digit(t + (rest - t) % (BASE - t)));
                    rest = (rest - t) / (BASE - t);
                    k += BASE;
                }
                out.push(digit(rest));
                bias = adapted(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(out)
}

/// Section 6.2. None when the text is not Punycode.
pub(super) fn decode(text: &str) -> Option<String> {
    if !text.is_ascii() || text.len() > LONGEST {
        return None;
    }
    let (basic, extended) = text.rsplit_once('-').unwrap_or(("", text));
    let mut out: Vec<char> = basic.chars().collect();
    let mut digits = extended.bytes();
    let (mut code, mut index, mut bias) = (FIRST_CODE, 0u32, FIRST_BIAS);
    while digits.len() > 0 {
        let (before, mut weight, mut k) = (index, 1u32, BASE);
        loop {
            let digit = value(digits.next()?)?;
            index = index.checked_add(digit.checked_mul(weight)?)?;
            let t = threshold(k, bias);
            if digit < t {
                break;
            }
            weight = weight.checked_mul(BASE - t)?;
            k += BASE;
        }
        let length = out.len() as u32 + 1;
        bias = adapted(index - before, length, before == 0);
        code = code.checked_add(index / length)?;
        index %= length;
        out.insert(index as usize, char::from_u32(code)?);
        index += 1;
    }
    Some(out.into_iter().collect())
}

/// The full stop and the characters that IDNA takes for one (RFC 3490, section 3.1).
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{FF0E}' | '\u{FF61}')
}

/// The labels that have other characters than ASCII encoded; "" when one cannot be.
pub(super) fn domain_encode(domain: &str) -> String {
    let labels = domain.split(is_dot).map(|label| {
        if label.is_ascii() {
            return Some(label.to_owned());
        }
        encode(label).map(|code| format!("xn--{code}"))
    });
    labels
        .collect::<Option<Vec<_>>>()
        .map(|l| l.join("."))
        .unwrap_or_default()
}

/// The labels that begin with `xn--` decoded; "" when one cannot be.
pub(super) fn domain_decode(domain: &str) -> String {
    let labels = domain.split('.').map(|label| match label.get(..4) {
        Some(mark) if mark.eq_ignore_ascii_case("xn--") => decode(&label[4..]),
        _ => Some(label.to_owned()),
    });
    labels
        .collect::<Option<Vec<_>>>()
        .map(|l| l.join("."))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_there_and_back() {
        for (text, code) in [
            ("bücher", "bcher-kva"),
            ("münchen", "mnchen-3ya"),
            ("日本語", "wgv71a119e"),
            ("plain", "plain-"),
            ("", ""),
        ] {
            assert_eq!(encode(text).as_deref(), Some(code));
            assert_eq!(decode(code).as_deref(), Some(text));
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for broken in ["ü", "99999999", "a-!", "zzzzzzzzzzz"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }

    #[test]
    fn domains_by_label() {
        assert_eq!(domain_encode("bücher。example"), "xn--bcher-kva.example");
        assert_eq!(domain_decode("XN--bcher-kva.example"), "bücher.example");
    }
}
