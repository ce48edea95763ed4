//! An incident, its states, and the changes an analyst may make to one.

use bartizan_contract::IncidentId;
use serde_json::Value as Json;

use crate::alert::{Alert, Comment};
use crate::patch::{Fields, PatchError, Verdict};
use crate::vocabulary::{AlertStatus, Classification, Determination, IncidentStatus, Severity};

/// An incident of a tenant: alerts that belong together. Times are microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Its number, rising with creation.
    pub id: IncidentId,
    /// The incident that it was merged into, when `status` is `Redirected`.
    pub redirect_to: Option<IncidentId>,
    /// One line.
    pub name: String,
    /// Greatest severity of its alerts.
    pub severity: Severity,
    /// Where it stands.
    pub status: IncidentStatus,
    /// Who works on it.
    pub assigned_to: Option<String>,
    /// The verdict.
    pub classification: Option<Classification>,
    /// The verdict's reason.
    pub determination: Option<Determination>,
    /// Free words, in the analyst's order.
    pub tags: Vec<String>,
    /// Remarks, oldest first.
    pub comments: Vec<Comment>,
    /// When it was made.
    pub created: i64,
    /// When anything of it or of its set of alerts changed.
    pub last_update: i64,
    /// First event behind it.
    pub first_activity: i64,
    /// Last event behind it.
    pub last_activity: i64,
    /// Counts changes, for optimistic writes.
    pub version: i64,
}

/// A checked request to change an incident (`PATCH /api/incidents/{id}`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentPatch {
    /// The status wanted.
    pub status: Option<IncidentStatus>,
    /// The owner wanted; `Some(None)` takes it away.
    pub assigned_to: Option<Option<String>>,
    /// Verdict and reason wanted.
    pub verdict: Verdict,
    /// The tags that replace the present ones.
    pub tags: Option<Vec<String>>,
    /// A remark to append.
    pub comment: Option<String>,
}

/// What an applied request did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IncidentEffects {
    /// Whether the incident differs from before.
    pub changed: bool,
    /// Whether it was closed now: its open alerts close with it (see [`close_alert`]).
    pub closed: bool,
}

impl IncidentPatch {
    /// Reads a request's body.
    ///
    /// # Errors
    /// A [`PatchError`] when the body is not an object, has a key that is not documented (letter
    /// case counts), a value of a wrong type or outside its set, or changes nothing.
    pub fn parse(body: &Json) -> Result<Self, PatchError> {
        const KEYS: &[&str] = &[
            "status",
            "assignedTo",
            "classification",
            "determination",
            "tags",
            "comment",
        ];
        let fields = Fields::of(body, KEYS, &[])?;
        Ok(Self {
            status: fields.word("status", IncidentStatus::ALL, IncidentStatus::parse)?,
            assigned_to: fields.owner("assignedTo")?,
            verdict: fields.verdict()?,
            tags: fields.tags("tags")?,
            comment: fields.comment("comment")?,
        })
    }

    /// Applies the request to an incident.
    ///
    /// # Errors
    /// [`PatchError`] when the status cannot follow the present one or the determination does not
    /// fit the classification. The incident is then unchanged.
    pub fn apply(
        &self,
        incident: &mut Incident,
        by: &str,
        now: i64,
    ) -> Result<IncidentEffects, PatchError> {
        let from = incident.status;
        let status = self.status.unwrap_or(from);
        transition(from, status)?;
        let (classification, determination) = self
            .verdict
            .settle(incident.classification, incident.determination)?;
        let before = incident.clone();
        incident.status = status;
        incident.classification = classification;
        incident.determination = determination;
        if let Some(owner) = &self.assigned_to {
            incident.assigned_to.clone_from(owner);
        }
        if let Some(tags) = &self.tags {
            incident.tags.clone_from(tags);
        }
        if let Some(text) = &self.comment {
            let comment = Comment {
                text: text.clone(),
                created_by: by.to_owned(),
                created: now,
            };
            incident.comments.push(comment);
        }
        let changed = *incident != before;
        if changed {
            incident.last_update = now;
        }
        let closed = status == IncidentStatus::Resolved && from != IncidentStatus::Resolved;
        Ok(IncidentEffects { changed, closed })
    }
}

/// Whether a status may follow another on request. Analysts open, work on and close incidents in
/// any order; `Redirected` is set by a merge alone and is final.
///
/// # Errors
/// [`PatchError::IllegalTransition`].
pub fn transition(from: IncidentStatus, to: IncidentStatus) -> Result<(), PatchError> {
    let redirected = IncidentStatus::Redirected;
    if from == to || (from != redirected && to != redirected) {
        Ok(())
    } else {
        Err(PatchError::IllegalTransition { from, to })
    }
}

/// Closes an alert because its incident was closed: it takes over the incident's verdict when it
/// has none of its own. True when the alert changed.
pub fn close_alert(alert: &mut Alert, incident: &Incident, now: i64) -> bool {
    if alert.status == AlertStatus::Resolved {
        return false;
    }
    alert.move_to(AlertStatus::Resolved, now);
    if alert.classification.is_none() {
        alert.classification = incident.classification;
        alert.determination = incident.determination;
    }
    alert.last_update = now;
    true
}

impl Incident {
    /// Whether it still holds alerts of its own: not merged into another.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.status != IncidentStatus::Redirected
    }

    /// Whether new alerts may join it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(
            self.status,
            IncidentStatus::Active | IncidentStatus::InProgress
        )
    }

    /// Merges this incident into another: it keeps nothing but its history and points there.
    ///
    /// # Errors
    /// [`PatchError::IllegalTransition`] when it was merged before, or into itself.
    pub fn redirect(&mut self, into: IncidentId, now: i64) -> Result<(), PatchError> {
        if !self.is_live() || into == self.id {
            let to = IncidentStatus::Redirected;
            return Err(PatchError::IllegalTransition {
                from: self.status,
                to,
            });
        }
        self.status = IncidentStatus::Redirected;
        self.redirect_to = Some(into);
        self.last_update = now;
        Ok(())
    }
}
