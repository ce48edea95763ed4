//! What a batch of rows says about devices, for the list of machines.

use std::collections::BTreeMap;

use bartizan_contract::DeviceId;
use bartizan_contract::time::unix_micros_from_ticks;
use bartizan_contract::value::Row;
use bartizan_security::machine::{IpAddress, Sighting};
use serde_json::Value as Json;

/// Devices seen, with the times and facts of all rows taken together.
#[derive(Debug, Default)]
pub struct Sightings(BTreeMap<DeviceId, Sighting>);

impl Sightings {
    /// Takes in one row; rows without a device or a time say nothing.
    pub fn add(&mut self, row: &Row) {
        let text = |column: &str| {
            row.get(column)
                .and_then(|v| v.as_str())
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
        };
        let (Some(id), Some(ticks)) = (text("DeviceId"), row.timestamp()) else {
            return;
        };
        let at = unix_micros_from_ticks(ticks);
        let fresh = || Sighting {
            first_seen: at,
            last_seen: at,
            ..Sighting::default()
        };
        let seen = self.0.entry(DeviceId::from(id)).or_insert_with(fresh);
        seen.first_seen = seen.first_seen.min(at);
        seen.last_seen = seen.last_seen.max(at);
        if seen.dns_name.is_none() {
            seen.dns_name = text("DeviceName");
        }
        match row.table.name {
            "DeviceInfo" => {
                let facts = [
                    (&mut seen.os_platform, "OSPlatform"),
                    (&mut seen.version, "OSVersionInfo"),
                    (&mut seen.os_architecture, "OSArchitecture"),
                    (&mut seen.external_ip, "PublicIP"),
                    (&mut seen.aad_device_id, "AadDeviceId"),
                ];
                for (fact, column) in facts {
                    if let Some(value) = text(column) {
                        *fact = Some(value);
                    }
                }
                if let Some(build) = row.get("OSBuild").and_then(|v| v.as_i64()) {
                    seen.os_build = Some(build);
                }
            }
            "DeviceNetworkInfo" => {
                let mac = text("MacAddress");
                let addresses = row
                    .get("IPAddresses")
                    .and_then(|v| v.as_str())
                    .unwrap_or("[]");
                for ip in addresses_of(addresses) {
                    if !seen.ip_addresses.iter().any(|known| known.ip == ip) {
                        seen.ip_addresses.push(IpAddress {
                            ip,
                            mac: mac.clone(),
                        });
                    }
                }
            }
            _ => {}
        }
    }

    /// How many devices were seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was seen, for the store.
    #[must_use]
    pub fn into_vec(self) -> Vec<(DeviceId, Sighting)> {
        self.0.into_iter().collect()
    }
}

/// `[{"IPAddress":"10.0.0.1",…}]`, as the documentation shows the column.
fn addresses_of(json: &str) -> Vec<String> {
    let Ok(Json::Array(items)) = serde_json::from_str(json) else {
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| item.get("IPAddress")?.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_contract::hunting::table;
    use bartizan_contract::value::Value;

    fn row(name: &str, values: &[(&str, Value)]) -> Row {
        let mut row = Row::empty(table(name).expect("a table"));
        for (column, value) in values {
            assert!(row.set(column, value.clone()), "{column}");
        }
        row
    }

    #[test]
    fn rows_of_a_device_come_together() {
        let device = ("DeviceId", Value::String("ab".to_owned()));
        let mut seen = Sightings::default();
        let later = 630_000_000_000_000_000;
        seen.add(&row(
            "DeviceProcessEvents",
            &[device.clone(), ("Timestamp", Value::DateTime(later))],
        ));
        seen.add(&row(
            "DeviceInfo",
            &[
                device.clone(),
                ("Timestamp", Value::DateTime(later - 10)),
                ("OSPlatform", Value::String("Windows10".to_owned())),
            ],
        ));
        seen.add(&row(
            "DeviceNetworkInfo",
            &[
                device,
                ("Timestamp", Value::DateTime(later)),
                (
                    "IPAddresses",
                    Value::String(r#"[{"IPAddress":"10.0.0.1"}]"#.to_owned()),
                ),
            ],
        ));
        let seen = seen.into_vec();
        assert_eq!(seen.len(), 1);
        let (_, sighting) = &seen[0];
        assert_eq!(sighting.last_seen - sighting.first_seen, 1);
        assert_eq!(sighting.os_platform.as_deref(), Some("Windows10"));
        assert_eq!(sighting.ip_addresses[0].ip, "10.0.0.1");
    }
}
