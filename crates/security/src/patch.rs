//! Reading the body of a PATCH on an incident or an alert, field by documented field.

use serde_json::{Map, Value as Json};

use crate::vocabulary::{Classification, Determination, IncidentStatus};

/// Longest remark, in characters.
pub const MAX_COMMENT: usize = 10_000;
/// Longest tag, in characters.
pub const MAX_TAG: usize = 256;
/// Most tags of one incident.
pub const MAX_TAGS: usize = 100;
/// Longest owner, in characters.
pub const MAX_OWNER: usize = 1_000;

/// Why a change was refused. The server maps each to a wire code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The body is not a JSON object.
    #[error("The request body must be a JSON object.")]
    NotAnObject,
    /// Nothing to change was given.
    #[error("At least one of these fields must be given: {}.", allowed.join(", "))]
    Empty {
        /// The fields that there are.
        allowed: Vec<String>,
    },
    /// A key that is not documented, or in another letter case.
    #[error("Field '{field}' is not known; these are: {} (letter case counts).", allowed.join(", "))]
    UnknownField {
        /// The key as sent.
        field: String,
        /// The fields that there are.
        allowed: Vec<String>,
    },
    /// A value of another JSON type.
    #[error("Field '{field}' must be {expected}.")]
    WrongType {
        /// The key.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A word outside its set.
    #[error("'{value}' is not a value of '{field}'; these are: {}.", allowed.join(", "))]
    UnknownValue {
        /// The key.
        field: &'static str,
        /// The word as sent.
        value: String,
        /// The words that there are.
        allowed: Vec<String>,
    },
    /// A text or list that is too long.
    #[error("Field '{field}' is longer than {limit}.")]
    TooLong {
        /// The key.
        field: &'static str,
        /// Characters or items.
        limit: usize,
    },
    /// A reason without a verdict, in the request and before it.
    #[error("'determination' needs a 'classification'.")]
    DeterminationAlone,
    /// A reason that the verdict cannot have.
    #[error("Determination '{determination}' does not fit classification '{classification}'.")]
    Incompatible {
        /// The verdict.
        classification: Classification,
        /// The reason.
        determination: Determination,
    },
    /// A status that cannot follow the present one.
    #[error("An incident cannot go from status '{from}' to '{to}'.")]
    IllegalTransition {
        /// The present status.
        from: IncidentStatus,
        /// The status asked for.
        to: IncidentStatus,
    },
}

/// Verdict and reason of a request, not yet compared with what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The verdict wanted; `Some(None)` takes it away (`Unknown`).
    pub classification: Option<Option<Classification>>,
    /// The reason wanted; `Some(None)` takes it away (`NotAvailable`).
    pub determination: Option<Option<Determination>>,
}

impl Verdict {
    /// The verdict and reason that hold after the request. A new verdict without a reason drops a
    /// present reason that it cannot have.
    ///
    /// # Errors
    /// [`PatchError::DeterminationAlone`] or [`PatchError::Incompatible`].
    pub fn settle(
        self,
        classification: Option<Classification>,
        determination: Option<Determination>,
    ) -> Result<(Option<Classification>, Option<Determination>), PatchError> {
        let verdict = self.classification.unwrap_or(classification);
        let Some(wanted) = self.determination else {
            let kept = determination.filter(|d| verdict.is_some_and(|c| d.fits(c)));
            return Ok((verdict, kept));
        };
        match (verdict, wanted) {
            (_, None) => Ok((verdict, None)),
            (None, Some(_)) => Err(PatchError::DeterminationAlone),
            (Some(c), Some(d)) if d.fits(c) => Ok((verdict, Some(d))),
            (Some(classification), Some(determination)) => Err(PatchError::Incompatible {
                classification,
                determination,
            }),
        }
    }
}

/// A request's object, after its keys were compared with the documented ones.
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Json>,
}

impl<'a> Fields<'a> {
    /// Checks that the body is an object with only documented keys and at least one change.
    pub(crate) fn of(body: &'a Json, keys: &[&str], also: &[&str]) -> Result<Self, PatchError> {
        let object = body.as_object().ok_or(PatchError::NotAnObject)?;
        let names = |list: &[&str]| list.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        for key in object.keys() {
            if !keys.contains(&key.as_str()) && !also.contains(&key.as_str()) {
                let allowed = names(keys).into_iter().chain(names(also)).collect();
                return Err(PatchError::UnknownField {
                    field: key.clone(),
                    allowed,
                });
            }
        }
        if !keys.iter().any(|k| object.contains_key(*k)) {
            return Err(PatchError::Empty {
                allowed: names(keys),
            });
        }
        Ok(Self { object })
    }

    fn text(&self, field: &'static str) -> Result<Option<&'a str>, PatchError> {
        match self.object.get(field) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(PatchError::WrongType {
                field,
                expected: "a string",
            }),
        }
    }

    /// A word of a closed set.
    pub(crate) fn word<T: Copy + std::fmt::Display>(
        &self,
        field: &'static str,
        all: &[T],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, PatchError> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        parse(text)
            .map(Some)
            .ok_or_else(|| PatchError::UnknownValue {
                field,
                value: text.to_owned(),
                allowed: all.iter().map(ToString::to_string).collect(),
            })
    }

    /// The owner: a text, or null (or an empty text) for nobody.
    pub(crate) fn owner(&self, field: &'static str) -> Result<Option<Option<String>>, PatchError> {
        match self.object.get(field) {
            None => Ok(None),
            Some(Json::Null) => Ok(Some(None)),
            Some(Json::String(text)) if text.trim().is_empty() => Ok(Some(None)),
            Some(Json::String(text)) => bounded(field, text, MAX_OWNER).map(|t| Some(Some(t))),
            Some(_) => Err(PatchError::WrongType {
                field,
                expected: "a string or null",
            }),
        }
    }

    /// Verdict and reason. `Unknown` and `NotAvailable` are what reads print when there is none,
    /// so a client may send them back.
    pub(crate) fn verdict(&self) -> Result<Verdict, PatchError> {
        let mut verdict = Verdict::default();
        if let Some(text) = self.text("classification")? {
            verdict.classification = Some(match text {
                t if t.eq_ignore_ascii_case("Unknown") => None,
                t => Some(Classification::parse(t).ok_or_else(|| {
                    PatchError::UnknownValue {
                        field: "classification",
                        value: t.to_owned(),
                        allowed: Classification::ALL
                            .iter()
                            .map(ToString::to_string)
                            .collect(),
                    }
                })?),
            });
        }
        if let Some(text) = self.text("determination")? {
            verdict.determination = Some(match text {
                t if t.eq_ignore_ascii_case("NotAvailable") => None,
                t => Some(writable_determination(t)?),
            });
        }
        Ok(verdict)
    }

    /// A remark: not empty, bounded.
    pub(crate) fn comment(&self, field: &'static str) -> Result<Option<String>, PatchError> {
        let Some(text) = self.text(field)? else {
            return Ok(None);
        };
        if text.trim().is_empty() {
            return Err(PatchError::WrongType {
                field,
                expected: "a text that is not empty",
            });
        }
        bounded(field, text, MAX_COMMENT).map(Some)
    }

    /// The list of tags that replaces the present one; doubles are dropped, order is kept.
    pub(crate) fn tags(&self, field: &'static str) -> Result<Option<Vec<String>>, PatchError> {
        const EXPECTED: &str = "an array of strings";
        let Some(value) = self.object.get(field) else {
            return Ok(None);
        };
        let list = value.as_array().ok_or(PatchError::WrongType {
            field,
            expected: EXPECTED,
        })?;
        if list.len() > MAX_TAGS {
            return Err(PatchError::TooLong {
                field,
                limit: MAX_TAGS,
            });
        }
        let mut tags: Vec<String> = Vec::new();
        for item in list {
            let text = item.as_str().ok_or(PatchError::WrongType {
                field,
                expected: EXPECTED,
            })?;
            let tag = bounded(field, text.trim(), MAX_TAG)?;
            if !tag.is_empty() && !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        Ok(Some(tags))
    }
}

/// Determinations that may be written: not the two that were retired in 2022.
fn writable_determination(text: &str) -> Result<Determination, PatchError> {
    let retired = [Determination::Apt, Determination::SecurityPersonnel];
    Determination::parse_alias(text)
        .filter(|d| !retired.contains(d))
        .ok_or_else(|| {
            let writable = Determination::ALL.iter().filter(|d| !retired.contains(d));
            PatchError::UnknownValue {
                field: "determination",
                value: text.to_owned(),
                allowed: writable.map(ToString::to_string).collect(),
            }
        })
}

fn bounded(field: &'static str, text: &str, limit: usize) -> Result<String, PatchError> {
    // PostgreSQL cannot keep a NUL in a text; no such text means anything here either.
    if text.contains('\0') {
        return Err(PatchError::WrongType {
            field,
            expected: "a text without NUL",
        });
    }
    if text.chars().count() > limit {
        return Err(PatchError::TooLong { field, limit });
    }
    Ok(text.to_owned())
}
