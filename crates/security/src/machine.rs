//! A device as Defender for Endpoint shows it.

use bartizan_contract::DeviceId;
use serde::{Deserialize, Serialize};

use crate::vocabulary::{DeviceValue, ExposureLevel, HealthStatus, OnboardingStatus, RiskScore};

/// A device of a tenant. Times are microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// 40 hexadecimal digits, lower case.
    pub id: DeviceId,
    /// Fully qualified name.
    pub dns_name: Option<String>,
    /// First event.
    pub first_seen: i64,
    /// Last event.
    pub last_seen: i64,
    /// `Windows10`, `Linux` …
    pub os_platform: String,
    /// `22H2` …
    pub version: Option<String>,
    /// `x64` …
    pub os_processor: Option<String>,
    /// `64-bit` or `32-bit`.
    pub os_architecture: Option<String>,
    /// Build number.
    pub os_build: Option<i64>,
    /// Last inner address.
    pub last_ip: Option<String>,
    /// Last outer address.
    pub last_external_ip: Option<String>,
    /// How well its sensor works.
    pub health: HealthStatus,
    /// Whether it sends data.
    pub onboarding: OnboardingStatus,
    /// Device group.
    pub rbac_group_id: i64,
    /// Device group.
    pub rbac_group_name: Option<String>,
    /// By its open alerts.
    pub risk_score: RiskScore,
    /// By its weaknesses.
    pub exposure: ExposureLevel,
    /// As an analyst said.
    pub device_value: DeviceValue,
    /// Whether it is joined to the directory.
    pub is_aad_joined: Option<bool>,
    /// Object id in the directory.
    pub aad_device_id: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// Its addresses.
    pub ip_addresses: Vec<IpAddress>,
    /// Counts changes, for optimistic writes.
    pub version_count: i64,
}

/// An address of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IpAddress {
    /// IPv4 or IPv6 text.
    pub ip: String,
    /// 12 hexadecimal digits.
    #[serde(default)]
    pub mac: Option<String>,
}

/// What telemetry says of a device at one time; unsaid things are `None` and change nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sighting {
    /// First event of the batch.
    pub first_seen: i64,
    /// Last event of the batch.
    pub last_seen: i64,
    /// Fully qualified name.
    pub dns_name: Option<String>,
    /// `Windows10`, `Linux` …
    pub os_platform: Option<String>,
    /// `22H2` …
    pub version: Option<String>,
    /// `x64` …
    pub os_processor: Option<String>,
    /// `64-bit` or `32-bit`.
    pub os_architecture: Option<String>,
    /// Build number.
    pub os_build: Option<i64>,
    /// Last outer address.
    pub external_ip: Option<String>,
    /// Addresses seen.
    pub ip_addresses: Vec<IpAddress>,
    /// Object id in the directory.
    pub aad_device_id: Option<String>,
}

impl Machine {
    /// A device that was never seen before.
    #[must_use]
    pub fn first_sighting(id: DeviceId, seen: &Sighting) -> Self {
        let mut machine = Self {
            id,
            dns_name: None,
            first_seen: seen.first_seen,
            last_seen: seen.last_seen,
            os_platform: "Unknown".to_owned(),
            version: None,
            os_processor: None,
            os_architecture: None,
            os_build: None,
            last_ip: None,
            last_external_ip: None,
            health: HealthStatus::Active,
            onboarding: OnboardingStatus::Onboarded,
            rbac_group_id: 0,
            rbac_group_name: None,
            risk_score: RiskScore::None,
            exposure: ExposureLevel::None,
            device_value: DeviceValue::Normal,
            is_aad_joined: None,
            aad_device_id: None,
            tags: Vec::new(),
            ip_addresses: Vec::new(),
            version_count: 0,
        };
        machine.take_in(seen);
        machine
    }

    /// Takes in another sighting. Facts of an older sighting fill gaps but replace nothing.
    /// True when anything changed.
    pub fn take_in(&mut self, seen: &Sighting) -> bool {
        let before = self.clone();
        let newer = seen.last_seen >= self.last_seen;
        self.first_seen = self.first_seen.min(seen.first_seen);
        self.last_seen = self.last_seen.max(seen.last_seen);
        take(&mut self.dns_name, seen.dns_name.as_ref(), newer);
        if let Some(platform) = &seen.os_platform
            && (newer || self.os_platform == "Unknown")
        {
            self.os_platform.clone_from(platform);
        }
        take(&mut self.version, seen.version.as_ref(), newer);
        take(&mut self.os_processor, seen.os_processor.as_ref(), newer);
        take(
            &mut self.os_architecture,
            seen.os_architecture.as_ref(),
            newer,
        );
        take(&mut self.os_build, seen.os_build.as_ref(), newer);
        take(&mut self.last_external_ip, seen.external_ip.as_ref(), newer);
        take(&mut self.aad_device_id, seen.aad_device_id.as_ref(), newer);
        take(
            &mut self.last_ip,
            seen.ip_addresses.first().map(|a| &a.ip),
            newer,
        );
        for address in &seen.ip_addresses {
            if self.ip_addresses.len() < MAX_ADDRESSES
                && !self.ip_addresses.iter().any(|a| a.ip == address.ip)
            {
                self.ip_addresses.push(address.clone());
            }
        }
        *self != before
    }
}

/// Most addresses kept of one device.
const MAX_ADDRESSES: usize = 64;

fn take<T: Clone>(slot: &mut Option<T>, seen: Option<&T>, newer: bool) {
    if seen.is_some() && (newer || slot.is_none()) {
        *slot = seen.cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_sighting_fills_gaps_only() {
        let new = Sighting {
            first_seen: 10,
            last_seen: 20,
            dns_name: Some("b".into()),
            ..Sighting::default()
        };
        let old = Sighting {
            first_seen: 1,
            last_seen: 2,
            dns_name: Some("a".into()),
            os_platform: Some("Windows10".into()),
            ..Sighting::default()
        };
        let mut machine = Machine::first_sighting(DeviceId::from("d"), &new);
        assert!(machine.take_in(&old));
        assert_eq!((machine.first_seen, machine.last_seen), (1, 20));
        assert_eq!(machine.dns_name.as_deref(), Some("b"));
        assert_eq!(machine.os_platform, "Windows10");
        assert!(!machine.take_in(&old), "the same again changes nothing");
    }
}
