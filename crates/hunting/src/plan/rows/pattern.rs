//! `parse` and `parse-where`: a pattern of texts and captures, matched as one anchored regular expression.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewBuilder};
use arrow::datatypes::SchemaRef;
use bartizan_kql::bound::{ParseKind, ParsePart};
use bartizan_kql::types::Type;
use datafusion::error::{DataFusionError, Result};
use regex::Regex;

use super::super::column_name;
use crate::error::{HuntError, evaluation};
use crate::functions::{cast_array, expression_builder};

/// A pattern that can be compared; compiled when it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ParseSpec {
    source: String,
    kind: ParseKind,
    flags: String,
    regex: String,
    captures: Vec<(String, Type)>,
    only_matching: bool,
}

impl ParseSpec {
    /// Translates a pattern.
    ///
    /// # Errors
    /// When a text of a regular-expression pattern does not compile.
    pub(crate) fn new(
        source: String,
        kind: ParseKind,
        flags: &str,
        parts: &[ParsePart],
        only_matching: bool,
    ) -> Result<Self, HuntError> {
        let mut captures = Vec::new();
        let mut regex = String::from("^");
        for (i, part) in parts.iter().enumerate() {
            match part {
                ParsePart::Text(text) if kind == ParseKind::Regex => {
                    regex.push_str(&format!("(?:{text})"));
                }
                ParsePart::Text(text) => regex.push_str(&regex::escape(text)),
                ParsePart::Any => regex.push_str("(?s:.*?)"),
                ParsePart::Capture(column) => {
                    captures.push((column_name(column.id), column.ty));
                    let last = i + 1 == parts.len();
                    regex.push_str(&capture(captures.len(), column.ty, kind, last));
                }
            }
        }
        // A capture at the end takes the rest; a text at the end need not be the end.
        if matches!(parts.last(), Some(ParsePart::Capture(_))) {
            regex.push('$');
        }
        let spec = Self {
            source,
            kind,
            flags: flags.to_owned(),
            regex,
            captures,
            only_matching,
        };
        spec.compile()
            .map_err(|e| HuntError::Evaluation(e.strip_backtrace()))?;
        Ok(spec)
    }

    /// The column that is parsed.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The columns that are captured.
    pub(super) fn captures(&self) -> impl Iterator<Item = (&str, Type)> {
        self.captures.iter().map(|(name, ty)| (name.as_str(), *ty))
    }

    /// Compiles the pattern.
    pub(super) fn compile(&self) -> Result<Pattern> {
        let mut builder = expression_builder(&self.regex);
        for flag in self.flags.chars() {
            match flag {
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                'U' => builder.swap_greed(true),
                _ => &mut builder,
            };
        }
        let regex = builder
            .build()
            .map_err(|e| evaluation(format!("parse: {e}")))?;
        Ok(Pattern {
            regex,
            spec: self.clone(),
        })
    }
}

/// The expression of one capture. Whole numbers take what looks like one, unless the pattern is relaxed.
fn capture(index: usize, ty: Type, kind: ParseKind, last: bool) -> String {
    let shape = match ty {
        Type::Int | Type::Long if kind != ParseKind::Relaxed => {
            r"\s*[-+]?(?:0[xX][0-9a-fA-F]+|[0-9]+)"
        }
        _ if last => "(?s:.*)",
        _ => "(?s:.*?)",
    };
    format!("(?P<k{index}>{shape})")
}

/// A compiled pattern.
pub(super) struct Pattern {
    regex: Regex,
    spec: ParseSpec,
}

impl Pattern {
    /// Adds the captures; with `parse-where` drops what does not match.
    pub(super) fn apply(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let texts = batch
            .column_by_name(&self.spec.source)
            .and_then(|a| a.as_string_view_opt())
            .ok_or_else(|| DataFusionError::Internal("parse of a column that is no text".into()))?;
        let count = self.spec.captures.len();
        let mut builders: Vec<StringViewBuilder> =
            (0..count).map(|_| StringViewBuilder::new()).collect();
        let mut matched = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let text = if texts.is_valid(row) {
                texts.value(row)
            } else {
                ""
            };
            let found = self.regex.captures(text);
            matched.push(found.is_some());
            for (i, builder) in builders.iter_mut().enumerate() {
                let group = found.as_ref().and_then(|c| c.name(&format!("k{}", i + 1)));
                builder.append_option(group.map(|g| g.as_str()));
            }
        }
        let raw: Vec<ArrayRef> = builders
            .into_iter()
            .map(|mut b| Arc::new(b.finish()) as ArrayRef)
            .collect();
        let mut values = raw
            .iter()
            .zip(&self.spec.captures)
            .map(|(array, (_, ty))| cast_array(array, Type::String, *ty))
            .collect::<Result<Vec<_>>>()?;
        if self.spec.kind == ParseKind::Simple {
            self.all_or_nothing(&raw, &mut values, &mut matched)?;
        }
        let mut columns = batch.columns().to_vec();
        for (value, (_, ty)) in values.iter().zip(&self.spec.captures) {
            // What was not captured is "" as a string.
            columns.push(cast_array(value, *ty, *ty)?);
        }
        let out = RecordBatch::try_new(schema.clone(), columns)?;
        if self.spec.only_matching {
            return Ok(arrow::compute::filter_record_batch(
                &out,
                &BooleanArray::from(matched),
            )?);
        }
        Ok(out)
    }

    /// In a simple pattern, one capture that does not convert means that the row does not match.
    fn all_or_nothing(
        &self,
        raw: &[ArrayRef],
        values: &mut [ArrayRef],
        matched: &mut [bool],
    ) -> Result<()> {
        for (raw, (value, (_, ty))) in raw.iter().zip(values.iter().zip(&self.spec.captures)) {
            if *ty == Type::String {
                continue;
            }
            for (row, matched) in matched.iter_mut().enumerate() {
                *matched &= raw.is_null(row) || !value.is_null(row);
            }
        }
        let unmatched: BooleanArray = matched.iter().map(|m| Some(!m)).collect();
        for value in values.iter_mut() {
            *value = arrow::compute::nullif(value, &unmatched)?;
        }
        Ok(())
    }
}
