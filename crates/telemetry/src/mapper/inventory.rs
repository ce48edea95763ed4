//! The inventory tables, which no event fills: one `DeviceInfo` and one `DeviceNetworkInfo` row per
//! host and hour, from what the hour's events showed.

use bartizan_contract::hunting::table;
use bartizan_contract::time::TICKS_PER_HOUR;
use bartizan_contract::value::Row;
use serde_json::{Value, json};

use crate::correlator::hosts::{Device, Sighting, System};
use crate::correlator::{Correlator, HostKey};
use crate::parse::address;
use crate::row::RowBuilder;

/// The rows of one sighting; none for a host that was forgotten meanwhile.
pub(super) fn rows(state: &mut Correlator, host: HostKey, sighting: &Sighting) -> Vec<Row> {
    let Some(device) = state.hosts.known(host) else {
        return Vec::new();
    };
    let system = state.hosts.system(host).clone();
    let network = (!sighting.addresses.is_empty())
        .then(|| network_info(&device, sighting))
        .flatten();
    device_info(&device, &system, sighting)
        .into_iter()
        .chain(network)
        .collect()
}

fn device_info(device: &Device, system: &System, sighting: &Sighting) -> Option<Row> {
    let mut row = start("DeviceInfo", device, sighting)?;
    let platform = platform(system);
    let users: Vec<Value> = sighting
        .users
        .iter()
        .map(|(domain, name, sid)| json!({ "UserName": name, "DomainName": domain, "Sid": sid }))
        .collect();
    let server = platform.is_some_and(|p| p.starts_with("WindowsServer"));
    row.text("LoggedOnUsers", Value::Array(users).to_string())
        .text("OnboardingStatus", "Onboarded")
        .text("SensorHealthState", "Active")
        .text("DeviceCategory", "Endpoint")
        .maybe(
            "DeviceType",
            platform.map(|_| if server { "Server" } else { "Workstation" }),
        )
        .maybe("OSPlatform", platform)
        .maybe("OSDistribution", platform)
        .number("OSBuild", system.build)
        .maybe(
            "OsBuildRevision",
            system.revision.map(|r| r.to_string()).as_deref(),
        )
        .maybe("OSVersion", system.build.map(|_| "10.0"))
        .maybe("OSVersionInfo", system.build.and_then(release))
        // Sysmon's 64-bit build is the only one in use for these systems.
        .maybe("OSArchitecture", system.build.map(|_| "64-bit"))
        .flag("IsExcluded", Some(false));
    let public = sighting
        .addresses
        .iter()
        .find(|ip| address::kind(**ip) == "Public");
    row.maybe("PublicIP", public.map(ToString::to_string).as_deref());
    Some(row.finish())
}

fn network_info(device: &Device, sighting: &Sighting) -> Option<Row> {
    let mut row = start("DeviceNetworkInfo", device, sighting)?;
    let addresses: Vec<Value> = sighting
        .addresses
        .iter()
        .map(|ip| json!({ "IPAddress": ip.to_string(), "AddressType": address::kind(*ip) }))
        .collect();
    row.text("IPAddresses", Value::Array(addresses).to_string())
        .text("NetworkAdapterStatus", "Up")
        .text("TunnelType", "None")
        .text("OnboardingStatus", "Onboarded");
    if let Some((_, suffix)) = device.name.split_once('.') {
        row.text("NetworkAdapterDnsSuffix", suffix);
    }
    Some(row.finish())
}

fn start(name: &str, device: &Device, sighting: &Sighting) -> Option<RowBuilder> {
    let mut row = RowBuilder::of(table(name)?);
    row.time("Timestamp", Some(sighting.last))
        .text("DeviceId", &device.id)
        .text("DeviceName", &device.name)
        // The hour's number is unique for a device, which is all a report id promises.
        .number("ReportId", Some(sighting.last.div_euclid(TICKS_PER_HOUR)));
    Some(row)
}

/// The platform by build. Clients and servers share builds until 2019; only a domain controller is
/// then surely a server.
fn platform(system: &System) -> Option<&'static str> {
    let build = system.build?;
    Some(match (build, system.domain_controller) {
        (26_100.., true) => "WindowsServer2025",
        (20_348, _) => "WindowsServer2022",
        (22_000.., _) => "Windows11",
        (17_763.., true) => "WindowsServer2019",
        (_, true) => "WindowsServer2016",
        (_, false) => "Windows10",
    })
}

/// The release that a build is known by.
fn release(build: i64) -> Option<&'static str> {
    Some(match build {
        10_240 => "1507",
        10_586 => "1511",
        14_393 => "1607",
        15_063 => "1703",
        16_299 => "1709",
        17_134 => "1803",
        17_763 => "1809",
        18_362 => "1903",
        18_363 => "1909",
        19_041 => "2004",
        19_042 => "20H2",
        19_043 => "21H1",
        19_044 | 20_348 | 22_000 => "21H2",
        19_045 | 22_621 => "22H2",
        22_631 => "23H2",
        26_100 => "24H2",
        _ => return None,
    })
}
