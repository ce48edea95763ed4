//! What is wrong with a query option.

/// A query option that cannot be served: the wire's `ODataError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct ODataError {
    /// The option: `$filter`, `$top` …
    pub option: String,
    /// Where in its value, in characters from 0; none when it is about the whole.
    pub position: Option<usize>,
    /// What is wrong, as a sentence.
    pub message: String,
}

impl ODataError {
    pub(crate) fn at(position: usize, message: impl Into<String>) -> Self {
        Self {
            option: "$filter".to_owned(),
            position: Some(position),
            message: message.into(),
        }
    }

    pub(crate) fn of(option: &str, message: impl Into<String>) -> Self {
        Self {
            option: option.to_owned(),
            position: None,
            message: message.into(),
        }
    }

    pub(crate) fn in_option(mut self, option: &str) -> Self {
        option.clone_into(&mut self.option);
        self
    }

    fn text(&self) -> String {
        match self.position {
            Some(position) => format!(
                "The query option '{}' is not valid at position {position}: {}",
                self.option, self.message
            ),
            None => format!(
                "The query option '{}' is not valid: {}",
                self.option, self.message
            ),
        }
    }
}
