//! Windows paths: base names, and the executable at the front of a command line.

/// The last component of a path with either slash. `System` stays `System`.
#[must_use]
pub fn base_name(path: &str) -> &str {
    path.trim_end_matches(['\\', '/'])
        .rsplit(['\\', '/'])
        .next()
        .unwrap_or(path)
}

/// The program of a command line: the quoted first word, else everything up to the first `.exe`,
/// `.sys`, `.dll` or `.com` that ends a word, else the first word.
#[must_use]
pub fn program(command_line: &str) -> &str {
    let text = command_line.trim();
    if let Some(rest) = text.strip_prefix('"') {
        return rest.split('"').next().unwrap_or(rest);
    }
    let lower = text.to_ascii_lowercase();
    let end = [".exe", ".sys", ".dll", ".com"]
        .iter()
        .filter_map(|suffix| {
            lower
                .match_indices(suffix)
                .map(|(at, _)| at + suffix.len())
                .find(|&end| {
                    lower[end..]
                        .chars()
                        .next()
                        .is_none_or(|c| c == ' ' || c == '\t')
                })
        })
        .min();
    match end {
        Some(end) => &text[..end],
        None => text.split_whitespace().next().unwrap_or(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_names() {
        assert_eq!(base_name(r"C:\Windows\System32\cmd.exe"), "cmd.exe");
        assert_eq!(base_name("System"), "System");
        assert_eq!(base_name("C:/a/b.txt"), "b.txt");
        assert_eq!(base_name(""), "");
    }

    #[test]
    fn programs() {
        assert_eq!(
            program(r#""C:\Program Files\a b.exe" -x"#),
            r"C:\Program Files\a b.exe"
        );
        assert_eq!(
            program(r"C:\Program Files\a b.exe -x c.exe"),
            r"C:\Program Files\a b.exe"
        );
        assert_eq!(program("%COMSPEC% /C start /b powershell"), "%COMSPEC%");
        assert_eq!(
            program(r"System32\drivers\é.sys"),
            r"System32\drivers\é.sys"
        );
    }
}
