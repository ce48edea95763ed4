//! What every match of a regular expression contains, so that most texts need no regular expression at all.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Literals that are searched for at most.
const MOST: usize = 48;
/// Bytes of a literal that are used.
const LONGEST: usize = 24;
/// A shorter literal rules out too little.
const SHORTEST: usize = 3;

/// Byte strings, lower-cased, of which a text that matches contains at least one, whatever the case of ASCII letters;
/// none when nothing is known.
pub(super) fn required_literals(pattern: &str) -> Option<Vec<Vec<u8>>> {
    let hir = super::regex_dialect::parse(pattern)?;
    required(&hir)
}

fn required(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let mut runs = Runs::default();
    runs.walk(hir);
    runs.end();
    runs.best
}

/// Looks for the best alternative along a concatenation.
#[derive(Default)]
struct Runs {
    /// Bytes that stand one after the other in every match.
    run: Vec<u8>,
    best: Option<Vec<Vec<u8>>>,
}

impl Runs {
    fn walk(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => {
                self.run
                    .extend(literal.0.iter().map(u8::to_ascii_lowercase));
            }
            HirKind::Class(class) => match letter(class) {
                Some(letter) => self.run.push(letter),
                None => self.end(),
            },
            HirKind::Capture(capture) => self.walk(&capture.sub),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.walk(part)),
            HirKind::Repetition(repetition) => {
                self.end();
                if repetition.min > 0 {
                    self.walk(&repetition.sub);
                    self.end();
                }
            }
            HirKind::Alternation(branches) => {
                self.end();
                let all: Option<Vec<_>> = branches.iter().map(required).collect();
                if let Some(all) = all {
                    self.propose(all.into_iter().flatten().collect());
                }
            }
        }
    }

    /// Ends the run.
    fn end(&mut self) {
        let mut run = std::mem::take(&mut self.run);
        run.truncate(LONGEST);
        if run.len() >= SHORTEST {
            self.propose(vec![run]);
        }
    }

    fn propose(&mut self, literals: Vec<Vec<u8>>) {
        if literals.len() <= MOST && worth(Some(&literals)) > worth(self.best.as_ref()) {
            self.best = Some(literals);
        }
    }
}

/// Long literals rule out more than short ones, few more than many.
fn worth(literals: Option<&Vec<Vec<u8>>>) -> usize {
    let Some(literals) = literals else {
        return 0;
    };
    let shortest = literals.iter().map(Vec::len).min().unwrap_or(0);
    shortest * 64 / (literals.len() + 7)
}

/// The lower-case letter when a class is one ASCII letter in both cases and nothing else. (Ignoring case, `k` and `s`
/// stand for other characters too.)
fn letter(class: &Class) -> Option<u8> {
    let mut letters = [0u32; 2];
    let mut count = 0;
    let mut add = |start: u32, end: u32| {
        for c in start..=end.min(start + 2) {
            if let Some(slot) = letters.get_mut(count) {
                *slot = c;
            }
            count += 1;
        }
    };
    match class {
        Class::Unicode(class) => class
            .iter()
            .for_each(|r| add(u32::from(r.start()), u32::from(r.end()))),
        Class::Bytes(class) => class
            .iter()
            .for_each(|r| add(u32::from(r.start()), u32::from(r.end()))),
    }
    let [upper, lower] = letters.map(|c| u8::try_from(c).unwrap_or(0));
    (count == 2 && upper.is_ascii_uppercase() && lower == upper.to_ascii_lowercase())
        .then_some(lower)
}

#[cfg(test)]
mod tests {
    use super::required_literals;

    fn literals(pattern: &str) -> Option<Vec<String>> {
        let found = required_literals(pattern)?;
        Some(
            found
                .into_iter()
                .map(|l| String::from_utf8(l).unwrap())
                .collect(),
        )
    }

    fn one(literal: &str) -> Option<Vec<String>> {
        Some(vec![literal.to_owned()])
    }

    #[test]
    fn the_longest_run_of_a_concatenation_is_required() {
        assert_eq!(literals(r"(?i)-enc[a-z]*\s+[a-z0-9+/]{40,}"), one("-enc"));
        assert_eq!(literals("abc.*defgh"), one("defgh"));
        assert_eq!(literals(r"\bInvoke-(\w+)"), one("invoke-"));
        assert_eq!(literals("(?:abcd)+x"), one("abcd"));
        assert_eq!(literals("a(bcd)e"), one("abcde"));
        assert_eq!(literals("(?:abcd)?x"), None);
        assert_eq!(literals("ab"), None);
        assert_eq!(literals("[a-z]+"), None);
        assert_eq!(literals("("), None);
    }

    #[test]
    fn every_branch_needs_a_literal() {
        let both = Some(vec!["http".to_owned(), "file".to_owned()]);
        assert_eq!(literals("(http|file)[0-9]"), both);
        assert_eq!(literals("(http|file)://x"), one("://x"));
        assert_eq!(literals(r"(http|\d+)"), None);
    }

    #[test]
    fn letters_with_other_cases_than_two_end_a_run() {
        // The Kelvin sign and the long s are letters k and s when case is ignored.
        assert_eq!(literals("(?i)powershell"), one("power"));
        assert_eq!(literals("(?i-u)powershell"), one("powershell"));
        assert_eq!(literals("(?i)école"), one("cole"));
    }
}
