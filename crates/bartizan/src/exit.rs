//! Exit codes: stable, documented, and the one way that failures of commands end.

use std::fmt::Display;
use std::process::ExitCode;

use bartizan_sdk::Error;

use crate::printer::lines;

/// Every code and what it means; part of the reference.
pub(crate) const CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "failed for a reason that is none of the following"),
    (
        2,
        "the command line, a setting, a query or an input file is wrong",
    ),
    (3, "not authenticated: no token, or a token was refused"),
    (4, "authenticated, but not permitted"),
    (5, "not found"),
    (6, "the server could not be reached, or failed"),
    (7, "too many requests, also after retries"),
    (8, "partly done: some rows, files or tenants failed"),
];

/// Why a command ended other than well.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

/// What a command returns.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    /// A failure that fits no other code.
    pub(crate) fn general(message: impl Display) -> Self {
        Self {
            code: 1,
            message: message.to_string(),
        }
    }

    /// Wrong input of the person's.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self {
            code: 2,
            message: message.to_string(),
        }
    }

    /// A token that is not good.
    pub(crate) fn unauthenticated(message: impl Display) -> Self {
        Self {
            code: 3,
            message: message.to_string(),
        }
    }

    /// Nothing by that name.
    pub(crate) fn not_found(message: impl Display) -> Self {
        Self {
            code: 5,
            message: message.to_string(),
        }
    }

    /// A server that could not be reached.
    pub(crate) fn unreachable(message: impl Display) -> Self {
        Self {
            code: 6,
            message: message.to_string(),
        }
    }

    /// Some of it failed.
    pub(crate) fn partial(message: impl Display) -> Self {
        Self {
            code: 8,
            message: message.to_string(),
        }
    }

    /// A command that could not be started, as shells number it.
    pub(crate) fn not_started(error: &std::io::Error, message: impl Display) -> Self {
        Self {
            code: if error.kind() == std::io::ErrorKind::NotFound {
                127
            } else {
                126
            },
            message: message.to_string(),
        }
    }

    /// A failure with an exact code and no message: it has been reported already.
    pub(crate) const fn reported(code: u8) -> Self {
        Self {
            code,
            message: String::new(),
        }
    }

    /// Its exit code.
    #[cfg(test)]
    pub(crate) const fn code(&self) -> u8 {
        self.code
    }

    /// Whether the caller is not known or not permitted: trying with something else would not help.
    pub(crate) const fn is_about_the_caller(&self) -> bool {
        matches!(self.code, 3 | 4)
    }

    /// The same failure, with what it is about before it.
    pub(crate) fn about(mut self, subject: impl Display) -> Self {
        self.message = format!("{subject}: {}", self.message);
        self
    }

    /// The same failure, with what helps behind it.
    pub(crate) fn hinting(mut self, hint: &str) -> Self {
        self.message = format!("{}; {hint}", self.message);
        self
    }

    /// Reports it on standard error and gives the process's exit code.
    pub(crate) fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("error: {}", lines(&self.message));
            // A refusal depends on who asked, which the command line alone does not show.
            if let (3 | 4, Some(speaker)) = (self.code, crate::target::speaker()) {
                eprintln!("note: {speaker}");
            }
        }
        ExitCode::from(self.code)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match (&error, error.status().map(|status| status.as_u16())) {
            (Error::Token(_), _) | (_, Some(401)) => 3,
            (_, Some(403)) => 4,
            (_, Some(404)) => 5,
            (_, Some(429)) => 7,
            (_, Some(400..=499)) | (Error::Configuration(_), _) => 2,
            (Error::Transport { .. } | Error::Decode { .. } | Error::Api(_), _) => 6,
        };
        let message = match &error {
            Error::Transport {
                url, refused: true, ..
            } => crate::target::no_answer(url),
            Error::Transport { message, .. } => match crate::target::trust(message) {
                Some(trust) => format!("{error}; {trust}"),
                None => error.to_string(),
            },
            _ => error.to_string(),
        };
        Self { code, message }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // A reader that has seen enough (`| head`) is no failure.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::reported(0);
        }
        Self::general(error)
    }
}

#[cfg(test)]
mod tests {
    use bartizan_sdk::error::ApiError;
    use reqwest::StatusCode;

    use super::*;

    fn code_of(status: u16) -> u8 {
        let error = ApiError {
            status: StatusCode::from_u16(status).expect("a status"),
            code: String::new(),
            message: String::new(),
            tracking: None,
            url: url::Url::parse("https://localhost/").expect("a URL"),
            retry_after: None,
        };
        Failure::from(Error::Api(Box::new(error))).code
    }

    #[test]
    fn answers_of_an_api_have_their_codes() {
        for (status, code) in [
            (400, 2),
            (401, 3),
            (403, 4),
            (404, 5),
            (409, 2),
            (429, 7),
            (500, 6),
        ] {
            assert_eq!(code_of(status), code, "{status}");
            assert!(CODES.iter().any(|(known, _)| *known == code));
        }
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        let closed = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::from(closed).code, 0);
        let other = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert_eq!(Failure::from(other).code, 1);
    }
}
