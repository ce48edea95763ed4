//! Passwords that everybody tries first: common words, names of the account and its domain, rows of keys and of digits,
//! with a year or a sign behind them. Compared as Microsoft Entra ID's password protection does (page "Eliminate bad
//! passwords"): letters that are commonly written otherwise are the same, and what is left must be worth something.

/// Points that a password must come to: one for each word that is known, one for each other character.
const LEAST: usize = 5;
/// Names of the account are words when they are as long as this, in characters.
const NAME: usize = 4;
/// Equal or neighbouring characters in a row that are worth one.
const ROW: usize = 3;

/// What people choose, without what they hang on to it.
const WORDS: &[&str] = &[
    "access",
    "admin",
    "administrator",
    "alexander",
    "amanda",
    "andrea",
    "andrew",
    "angel",
    "anthony",
    "apple",
    "april",
    "arsenal",
    "asdf",
    "ashley",
    "august",
    "autumn",
    "azerty",
    "azure",
    "banana",
    "barcelona",
    "baseball",
    "basketball",
    "batman",
    "berlin",
    "butterfly",
    "changeme",
    "charlie",
    "cheese",
    "chelsea",
    "chocolate",
    "company",
    "computer",
    "contoso",
    "cookie",
    "cowboy",
    "daniel",
    "december",
    "default",
    "defender",
    "demo",
    "dragon",
    "fabrikam",
    "fall",
    "february",
    "ferrari",
    "flower",
    "football",
    "freedom",
    "friday",
    "george",
    "google",
    "guest",
    "hannah",
    "hello",
    "hockey",
    "hunter",
    "iloveyou",
    "internet",
    "january",
    "jasmine",
    "jennifer",
    "jessica",
    "jordan",
    "joshua",
    "july",
    "june",
    "justin",
    "killer",
    "letmein",
    "liverpool",
    "login",
    "london",
    "love",
    "maggie",
    "manager",
    "march",
    "master",
    "matrix",
    "matthew",
    "mercedes",
    "michael",
    "michelle",
    "microsoft",
    "monday",
    "monkey",
    "mustang",
    "nicole",
    "november",
    "october",
    "office",
    "orange",
    "paris",
    "pass",
    "passwd",
    "password",
    "passwort",
    "patrick",
    "pepper",
    "pokemon",
    "princess",
    "purple",
    "qaz",
    "qwe",
    "qwerty",
    "qwertz",
    "robert",
    "root",
    "samsung",
    "samantha",
    "saturday",
    "secret",
    "security",
    "sentinel",
    "september",
    "server",
    "shadow",
    "silver",
    "soccer",
    "spring",
    "starwars",
    "summer",
    "sunday",
    "sunshine",
    "superman",
    "system",
    "taylor",
    "temp",
    "test",
    "thomas",
    "thursday",
    "tigger",
    "trustno",
    "tuesday",
    "user",
    "wednesday",
    "welcome",
    "whatever",
    "william",
    "willkommen",
    "windows",
    "winter",
    "wsx",
    "yankees",
    "zaq",
    "zxc",
    "zxcvbn",
];

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Of another length than 8 to 256 characters, or of fewer than three kinds of them.
    Form,
    /// One of those that everybody tries first.
    Obvious,
}

impl Weakness {
    /// What is asked for instead.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Form => {
                "The specified password does not comply with password complexity requirements: 8 to 256 characters, of three kinds among small letters, capital letters, digits and symbols. Please provide a different password."
            }
            Self::Obvious => {
                "The specified password is too easy to guess: it is made of common words, names of the account, years or rows of characters. Please provide a different password."
            }
        }
    }
}

/// What is wrong with a password: 8 to 256 characters of three kinds among small and capital letters, digits and others
/// (page "Password policies and account restrictions in Microsoft Entra ID"), and none of those that everybody tries
/// first. `names` are the account's sign-in name and display name.
#[must_use]
pub fn weakness(password: &str, names: &[&str]) -> Option<Weakness> {
    let kinds = [
        password.chars().any(char::is_lowercase),
        password.chars().any(char::is_uppercase),
        password.chars().any(|c| c.is_ascii_digit()),
        password.chars().any(|c| !c.is_alphanumeric()),
    ];
    let enough = kinds.iter().filter(|kind| **kind).count() >= 3;
    if !enough || !(8..=256).contains(&password.chars().count()) {
        return Some(Weakness::Form);
    }
    is_obvious(password, names).then_some(Weakness::Obvious)
}

/// Whether a password is one of those that are tried first. `names` are the account's: sign-in name and display name.
fn is_obvious(password: &str, names: &[&str]) -> bool {
    let parts = names
        .iter()
        .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    let known: Vec<Vec<char>> = parts
        .filter(|part| part.chars().count() >= NAME)
        .chain(WORDS.iter().copied())
        .map(|word| word.chars().map(plain).collect())
        .collect();
    let raw: Vec<char> = password.to_lowercase().chars().collect();
    let letters: Vec<char> = raw.iter().copied().map(plain).collect();
    let (mut at, mut points) = (0, 0);
    while at < letters.len() {
        let rest = &letters[at..];
        let word = known.iter().filter(|word| rest.starts_with(word));
        let longest = word.map(Vec::len).max().unwrap_or(1);
        at += longest.max(row(&raw[at..])).max(year(&raw[at..]));
        points += 1;
    }
    points < LEAST
}

/// A letter for what is written in its place.
fn plain(c: char) -> char {
    match c.to_lowercase().next().unwrap_or(c) {
        '0' => 'o',
        '1' | '!' | '|' => 'l',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Characters at the beginning that repeat the first, or count on from it: `aaaa`, `1234`, `cba`. One when they are too few.
fn row(text: &[char]) -> usize {
    let length = |step: i64| {
        let pairs = text.windows(2);
        let goes_on =
            |pair: &&[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == step;
        1 + pairs.take_while(goes_on).count()
    };
    let longest = [0, 1, -1].map(length).into_iter().max().unwrap_or(1);
    if longest >= ROW { longest } else { 1 }
}

/// Four when the text begins with a year that somebody is alive in, else one.
fn year(text: &[char]) -> usize {
    let digits = text.len() >= 4 && text[..4].iter().all(char::is_ascii_digit);
    let century = matches!(text, ['1', '9', ..] | ['2', '0', ..]);
    if digits && century { 4 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["maria.keller@fabrik-nord.example", "Maria Keller"];

    #[test]
    fn what_everybody_tries_first_is_obvious() {
        for password in [
            "Password1",
            "P@ssw0rd",
            "Pa$$w0rd!",
            "Passw0rd2026!",
            "Welcome1",
            "Welcome123",
            "Summer2026!",
            "Winter25",
            "Qwerty123",
            "Abcd1234",
            "Aa123456",
            "1qaz@WSX",
            "Football1",
            "Iloveyou1",
            "Admin123!",
            "Letmein!1",
            "Maria2026!",
            "Keller-1",
            "Nord1234",
            "Fabrik123!",
            "AAAAaaaa1",
            "Microsoft1!",
            "Abcdefg1",
            "87654321Aa",
        ] {
            assert!(is_obvious(password, NAMES), "{password}");
        }
    }

    #[test]
    fn passwords_have_a_strength() {
        for (password, weak) in [
            ("Axbyczd1", None),
            ("Abcdefg1", Some(Weakness::Obvious)),
            ("Password1!", Some(Weakness::Obvious)),
            ("abcdefg1", Some(Weakness::Form)),
            ("Ab1!", Some(Weakness::Form)),
            ("correct horse Battery", None),
        ] {
            assert_eq!(weakness(password, &[]), weak, "{password}");
        }
    }

    #[test]
    fn what_is_left_may_be_worth_enough() {
        for password in [
            "correct horse battery staple",
            "Correct-Horse-1",
            "Winter-is-cold-9",
            "Password-for-two-dogs",
            "k7#Rw2!x",
            "Kp9-vT3z-mQ",
            "žluťoučký kůň 7",
        ] {
            assert!(!is_obvious(password, NAMES), "{password}");
        }
        // What is a name of one account is none of another's.
        assert!(!is_obvious("Kellermann-3x", &["ann@example.com"]));
        assert!(is_obvious("", &[]));
    }
}
