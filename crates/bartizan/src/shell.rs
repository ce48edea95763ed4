//! Words of a POSIX shell, for commands that are proposed.

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A path as a shell takes it.
pub(crate) fn quoted_path(path: &std::path::Path) -> String {
    quoted(&path.display().to_string())
}

/// Where the first word of a text ends that [`quoted`] wrote.
pub(crate) fn word_end(text: &str) -> usize {
    let (mut inside, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if !inside => escaped = true,
            '\'' => inside = !inside,
            ' ' if !inside => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_one_word() {
        assert_eq!(quoted("/data/x-1"), "/data/x-1");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
        for word in ["/data", "my data", "it's", ""] {
            let text = format!("{} --ports 1", quoted(word));
            assert_eq!(&text[word_end(&text)..], " --ports 1", "{word}");
        }
    }
}
