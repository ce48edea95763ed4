//! An alert, and the changes an analyst may make to one.

use bartizan_contract::{AlertId, DeviceId, IncidentId};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::evidence::Evidence;
use crate::patch::{Fields, PatchError, Verdict};
use crate::vocabulary::{
    AlertStatus, Category, Classification, Determination, InvestigationState, Severity,
};

/// A remark of an analyst.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// What was said.
    pub text: String,
    /// Who said it: a principal name, or an application's id.
    pub created_by: String,
    /// When, microseconds.
    pub created: i64,
}

/// An alert of a tenant. Times are microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// `da<ticks>_<number>`.
    pub id: AlertId,
    /// The live incident that holds it.
    pub incident_id: IncidentId,
    /// The rule that raised it.
    pub rule_id: String,
    /// What makes another hit the same alert.
    pub dedup_key: String,
    /// One line.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// The stage of the attack.
    pub category: Category,
    /// Where it stands.
    pub status: AlertStatus,
    /// The verdict.
    pub classification: Option<Classification>,
    /// The verdict's reason.
    pub determination: Option<Determination>,
    /// Who works on it.
    pub assigned_to: Option<String>,
    /// `detectionSource`.
    pub detection_source: String,
    /// The device it is about.
    pub device_id: Option<DeviceId>,
    /// First event behind it.
    pub first_activity: i64,
    /// Last event behind it.
    pub last_activity: i64,
    /// When it was raised.
    pub created: i64,
    /// When anything of it changed.
    pub last_update: i64,
    /// When it was closed.
    pub resolved: Option<i64>,
    /// What is not searched by.
    pub details: AlertDetails,
    /// The things it points at, in the order in which they were found.
    pub evidence: Vec<Evidence>,
    /// Counts changes, for optimistic writes.
    pub version: i64,
}

/// The parts of an alert that no listing filters by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertDetails {
    /// What happened and why it matters.
    pub description: String,
    /// What to do.
    #[serde(default)]
    pub recommended_action: String,
    /// MITRE ATT&CK technique ids.
    #[serde(default)]
    pub mitre_techniques: Vec<String>,
    /// Fully qualified name of the device.
    #[serde(default)]
    pub device_name: Option<String>,
    /// Remarks, oldest first.
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// State of the automatic investigation.
    #[serde(default = "no_investigation")]
    pub investigation_state: InvestigationState,
    /// Number of that investigation.
    #[serde(default)]
    pub investigation_id: Option<i64>,
    /// Family of the malware.
    #[serde(default)]
    pub threat_family: Option<String>,
    /// Name of the threat.
    #[serde(default)]
    pub threat_name: Option<String>,
    /// Activity group.
    #[serde(default)]
    pub actor_name: Option<String>,
}

const fn no_investigation() -> InvestigationState {
    InvestigationState::Unknown
}

/// A checked request to change an alert (`PATCH /api/alerts/{id}` and `alerts/batchUpdate`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertPatch {
    /// The status wanted.
    pub status: Option<AlertStatus>,
    /// The owner wanted; `Some(None)` takes it away.
    pub assigned_to: Option<Option<String>>,
    /// Verdict and reason wanted.
    pub verdict: Verdict,
    /// A remark to append.
    pub comment: Option<String>,
}

impl AlertPatch {
    /// Reads a request's body. `also` names further keys that the caller reads itself
    /// (`alertIds`).
    ///
    /// # Errors
    /// A [`PatchError`] when the body is not an object, has a key that is not documented (letter
    /// case counts), a value of a wrong type or outside its set, or changes nothing.
    pub fn parse(body: &Json, also: &[&str]) -> Result<Self, PatchError> {
        const KEYS: &[&str] = &[
            "status",
            "assignedTo",
            "classification",
            "determination",
            "comment",
        ];
        let fields = Fields::of(body, KEYS, also)?;
        Ok(Self {
            status: fields.word("status", AlertStatus::ALL, AlertStatus::parse)?,
            assigned_to: fields.owner("assignedTo")?,
            verdict: fields.verdict()?,
            comment: fields.comment("comment")?,
        })
    }

    /// Applies the request to an alert. True when anything changed.
    ///
    /// # Errors
    /// [`PatchError`] when the determination does not fit the classification. The alert is then
    /// unchanged.
    pub fn apply(&self, alert: &mut Alert, by: &str, now: i64) -> Result<bool, PatchError> {
        let (classification, determination) = self
            .verdict
            .settle(alert.classification, alert.determination)?;
        let before = alert.clone();
        alert.classification = classification;
        alert.determination = determination;
        if let Some(status) = self.status {
            alert.move_to(status, now);
        }
        if let Some(owner) = &self.assigned_to {
            alert.assigned_to.clone_from(owner);
        }
        if let Some(text) = &self.comment {
            let comment = Comment {
                text: text.clone(),
                created_by: by.to_owned(),
                created: now,
            };
            alert.details.comments.push(comment);
        }
        let changed = *alert != before;
        if changed {
            alert.last_update = now;
        }
        Ok(changed)
    }
}

impl Alert {
    /// Moves to another status and keeps `resolved` true to it. Every move between the three is
    /// allowed: analysts reopen alerts.
    pub fn move_to(&mut self, status: AlertStatus, now: i64) {
        if self.status == status {
            return;
        }
        self.status = status;
        self.resolved = (status == AlertStatus::Resolved).then_some(now);
    }

    /// Takes in another hit of the same alert: widens its times and adds evidence that is new, up
    /// to `max_evidence` things. True when anything changed.
    pub fn absorb(&mut self, hit: &Self, now: i64, max_evidence: usize) -> bool {
        let first = self.first_activity.min(hit.first_activity);
        let last = self.last_activity.max(hit.last_activity);
        let mut changed = first != self.first_activity || last != self.last_activity;
        self.first_activity = first;
        self.last_activity = last;
        for evidence in &hit.evidence {
            if self.evidence.len() >= max_evidence {
                break;
            }
            let known = self
                .evidence
                .iter()
                .any(|e| e.entity == evidence.entity && e.device_id == evidence.device_id);
            if !known {
                self.evidence.push(evidence.clone());
                changed = true;
            }
        }
        if changed {
            self.last_update = now;
        }
        changed
    }
}
