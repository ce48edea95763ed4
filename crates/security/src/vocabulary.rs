//! The closed sets of words that alerts, incidents and machines use, under the names that the
//! Defender XDR and Defender for Endpoint APIs print.

/// Declares an enum whose variants have wire names: `as_str`, `parse` (case-insensitive), `ALL`,
/// `Display` and serde by name.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every member, in rising order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),+ }
            }

            /// The member with this name in any letter case.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str().eq_ignore_ascii_case(text))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

vocabulary! {
    /// How bad an alert or incident is. Ordered: `High` is the greatest.
    Severity {
        /// Not stated.
        UnSpecified,
        /// No threat in itself.
        Informational,
        /// Threats of wide-spread malware and tools.
        Low,
        /// Behaviour seen after a breach.
        Medium,
        /// Threats of targeted attacks, with a high risk of damage.
        High,
    }
}

vocabulary! {
    /// Where an incident stands.
    IncidentStatus {
        /// Open, nobody works on it.
        Active,
        /// Being worked on.
        InProgress,
        /// Closed.
        Resolved,
        /// Merged into another incident, which `redirectIncidentId` names. Final.
        Redirected,
    }
}

vocabulary! {
    /// Where an alert stands.
    AlertStatus {
        /// Nobody looked at it.
        New,
        /// Being worked on.
        InProgress,
        /// Closed.
        Resolved,
    }
}

vocabulary! {
    /// The analyst's verdict.
    Classification {
        /// A threat.
        TruePositive,
        /// Correctly detected and harmless.
        InformationalExpectedActivity,
        /// Wrongly detected.
        FalsePositive,
    }
}

vocabulary! {
    /// The reason of a verdict. The alert and the incident API use different names for four of
    /// them; `parse_alias` folds those into one member.
    Determination {
        /// Advanced persistent threat; retired in August 2022, still readable.
        Apt,
        /// Malware.
        Malware,
        /// Security staff; retired in August 2022, still readable.
        SecurityPersonnel,
        /// A security test.
        SecurityTesting,
        /// Unwanted software.
        UnwantedSoftware,
        /// Something else.
        Other,
        /// An attack with several stages.
        MultiStagedAttack,
        /// Malicious activity of a user.
        MaliciousUserActivity,
        /// A compromised account (`CompromisedUser` in the alert API).
        CompromisedAccount,
        /// Phishing.
        Phishing,
        /// A line-of-business application.
        LineOfBusinessApplication,
        /// Activity confirmed as wanted (`ConfirmedUserActivity` in the alert API).
        ConfirmedActivity,
        /// Not malicious (`Clean` on older pages).
        NotMalicious,
        /// Not enough data (`InsufficientData` in the alert API).
        NotEnoughDataToValidate,
    }
}

impl Determination {
    /// The member with this name or one of its documented aliases, in any letter case.
    #[must_use]
    pub fn parse_alias(text: &str) -> Option<Self> {
        const ALIASES: &[(&str, Determination)] = &[
            ("CompromisedUser", Determination::CompromisedAccount),
            ("ConfirmedUserActivity", Determination::ConfirmedActivity),
            ("Clean", Determination::NotMalicious),
            ("InsufficientData", Determination::NotEnoughDataToValidate),
            (
                "NoEnoughDataToValidate",
                Determination::NotEnoughDataToValidate,
            ),
        ];
        Self::parse(text).or_else(|| {
            ALIASES
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(text))
                .map(|(_, d)| *d)
        })
    }

    /// The name that the XDR incident pages print.
    #[must_use]
    pub const fn incident_name(self) -> &'static str {
        match self {
            Self::NotMalicious => "Clean",
            Self::NotEnoughDataToValidate => "NoEnoughDataToValidate",
            other => other.as_str(),
        }
    }

    /// The name that the Defender for Endpoint alert pages print.
    #[must_use]
    pub const fn alert_name(self) -> &'static str {
        match self {
            Self::CompromisedAccount => "CompromisedUser",
            Self::ConfirmedActivity => "ConfirmedUserActivity",
            Self::NotMalicious => "Clean",
            Self::NotEnoughDataToValidate => "InsufficientData",
            other => other.as_str(),
        }
    }

    /// Whether the verdict may have this reason, by the table of the update-incident page.
    #[must_use]
    pub const fn fits(self, classification: Classification) -> bool {
        match self {
            Self::Other => true,
            Self::Apt
            | Self::Malware
            | Self::UnwantedSoftware
            | Self::MultiStagedAttack
            | Self::MaliciousUserActivity
            | Self::CompromisedAccount
            | Self::Phishing => matches!(classification, Classification::TruePositive),
            Self::SecurityPersonnel
            | Self::SecurityTesting
            | Self::LineOfBusinessApplication
            | Self::ConfirmedActivity => {
                matches!(
                    classification,
                    Classification::InformationalExpectedActivity
                )
            }
            Self::NotMalicious | Self::NotEnoughDataToValidate => {
                matches!(classification, Classification::FalsePositive)
            }
        }
    }
}

vocabulary! {
    /// Where an automatic investigation of an alert stands.
    InvestigationState {
        /// None was made.
        Unknown,
        /// Stopped.
        Terminated,
        /// Threat removed.
        SuccessfullyRemediated,
        /// Nothing found.
        Benign,
        /// Did not work.
        Failed,
        /// Threat removed in part.
        PartiallyRemediated,
        /// Under way.
        Running,
        /// Waits for a person.
        PendingApproval,
        /// Waits for a device.
        PendingResource,
        /// Done in part.
        PartiallyInvestigated,
        /// Stopped by a person.
        TerminatedByUser,
        /// Stopped by the system.
        TerminatedBySystem,
        /// Not started.
        Queued,
        /// Did not work, inside.
        InnerFailure,
        /// Covered by an earlier alert.
        PreexistingAlert,
        /// The device's system cannot be investigated.
        UnsupportedOs,
        /// The alert's type cannot be investigated.
        UnsupportedAlertType,
        /// Suppressed by a rule.
        SuppressedAlert,
    }
}

vocabulary! {
    /// The stage of an attack that an alert belongs to, in the order of the kill chain.
    Category {
        /// Looking around from outside.
        Reconnaissance,
        /// Preparing means.
        ResourceDevelopment,
        /// Getting in.
        InitialAccess,
        /// Running code.
        Execution,
        /// Staying.
        Persistence,
        /// Getting more rights.
        PrivilegeEscalation,
        /// Hiding.
        DefenseEvasion,
        /// Stealing credentials.
        CredentialAccess,
        /// Looking around inside.
        Discovery,
        /// Moving on to other machines.
        LateralMovement,
        /// Gathering data.
        Collection,
        /// Talking to the operator.
        CommandAndControl,
        /// Taking data out.
        Exfiltration,
        /// Doing damage.
        Impact,
        /// Use of a weakness.
        Exploit,
        /// Malicious software.
        Malware,
        /// Software that encrypts for money.
        Ransomware,
        /// Activity that fits no stage.
        SuspiciousActivity,
        /// Software that nobody wants.
        UnwantedSoftware,
    }
}

impl Category {
    /// The name in a sentence: `Lateral movement`, `Command and control`.
    #[must_use]
    pub fn phrase(self) -> String {
        let mut phrase = String::new();
        for (i, c) in self.as_str().char_indices() {
            if i > 0 && c.is_ascii_uppercase() {
                phrase.push(' ');
                phrase.push(c.to_ascii_lowercase());
            } else {
                phrase.push(c);
            }
        }
        phrase
    }
}

vocabulary! {
    /// How well a device's sensor works.
    HealthStatus {
        /// Reports.
        Active,
        /// Silent for a week or more.
        Inactive,
        /// Reports in part.
        ImpairedCommunication,
        /// Reports nothing of the sensor.
        NoSensorData,
        /// Both of the above.
        NoSensorDataImpairedCommunication,
        /// Not known.
        Unknown,
    }
}

vocabulary! {
    /// Whether a device sends data.
    OnboardingStatus {
        /// It does.
        Onboarded,
        /// It could.
        CanBeOnboarded,
        /// It cannot.
        Unsupported,
        /// Not known.
        InsufficientInfo,
    }
}

vocabulary! {
    /// A device's risk by its open alerts. Ordered.
    RiskScore {
        /// No open alert.
        None,
        /// Informational alerts.
        Informational,
        /// Low alerts.
        Low,
        /// Medium alerts.
        Medium,
        /// High alerts.
        High,
    }
}

impl RiskScore {
    /// The risk that one open alert of this severity makes.
    #[must_use]
    pub const fn of(severity: Severity) -> Self {
        match severity {
            Severity::UnSpecified => Self::None,
            Severity::Informational => Self::Informational,
            Severity::Low => Self::Low,
            Severity::Medium => Self::Medium,
            Severity::High => Self::High,
        }
    }
}

vocabulary! {
    /// A device's exposure by its weaknesses.
    ExposureLevel {
        /// None known.
        None,
        /// Few.
        Low,
        /// Some.
        Medium,
        /// Many.
        High,
    }
}

vocabulary! {
    /// How much a device matters, as an analyst says.
    DeviceValue {
        /// As others.
        Normal,
        /// Less.
        Low,
        /// More.
        High,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_aliases_folded() {
        assert_eq!(Severity::parse("HIGH"), Some(Severity::High));
        assert!(Severity::High > Severity::Medium);
        assert_eq!(
            Determination::parse_alias("clean"),
            Some(Determination::NotMalicious)
        );
        assert_eq!(
            Determination::parse_alias("CompromisedUser")
                .unwrap()
                .incident_name(),
            "CompromisedAccount"
        );
        assert_eq!(Determination::parse_alias("nonsense"), None);
        assert_eq!(Category::CommandAndControl.phrase(), "Command and control");
    }

    #[test]
    fn every_determination_fits_some_verdict() {
        for d in Determination::ALL {
            assert!(Classification::ALL.iter().any(|c| d.fits(*c)), "{d}");
        }
    }
}
