//! The functions of advanced hunting that are written in the language: parameters, results and defaults as the pages
//! "advanced-hunting-…-function" of Microsoft's documentation have them, answered from the tables of the hunting schema.
//!
//! `FileProfile` is no such function: it needs what no table has (`bind/hunting.rs`).

use std::sync::LazyLock;

use crate::bind::Scope;
use crate::saved::SavedFunction;

/// Name, parameters, body, and the default of the column that the first argument of `invoke` names.
type Entry = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
);

/// Devices by address, as they reported it last. An adapter reports all its addresses at once; without an adapter (rows
/// that were made of events, which tell the addresses that some hour showed) each address is a report of its own.
const DEVICE_FROM_IP: &str = r#"
let Asked = T | project IP = tolower(Key_) | where isnotempty(IP) | distinct IP;
DeviceNetworkInfo
| where isnull(AsOf) or Timestamp <= AsOf
| extend Alone = isempty(NetworkAdapterName) and isempty(MacAddress)
| mv-expand Report = iff(Alone, parse_json(IPAddresses), pack_array(parse_json(IPAddresses)))
| extend Of = iff(Alone, tolower(tostring(Report.IPAddress)), "")
| summarize arg_max(Timestamp, Report, Alone) by DeviceId, NetworkAdapterName, MacAddress, Of
| mv-expand Address = iff(Alone, pack_array(Report), Report)
| project IP = tolower(tostring(Address.IPAddress)), DeviceId
| where IP in (Asked)
| distinct IP, DeviceId
"#;

/// The page gives the adapter's type as the number that .NET's `NetworkInterfaceType` has; the table has its name. The
/// networks are called a number, too, but described as an array in JSON, which the table has and this gives.
const ASSIGNED_ADDRESSES: &str = r#"
DeviceNetworkInfo
| where isnull(AsOf) or Timestamp <= AsOf
| where DeviceId =~ Device or DeviceName =~ Device or DeviceName startswith strcat(Device, ".")
| where isnotempty(Device)
| extend Alone = isempty(NetworkAdapterName) and isempty(MacAddress)
| mv-expand Report = iff(Alone, parse_json(IPAddresses), pack_array(parse_json(IPAddresses)))
| extend Of = iff(Alone, tolower(tostring(Report.IPAddress)), "")
| summarize arg_max(Timestamp, Report, Alone, NetworkAdapterType, ConnectedNetworks) by DeviceId, NetworkAdapterName, MacAddress, Of
| mv-expand Address = iff(Alone, pack_array(Report), Report)
| extend IPAddress = tostring(Address.IPAddress), AddressType = tostring(Address.AddressType)
| where isnotempty(IPAddress)
| project Timestamp, IPAddress,
    IPType = case(isnotempty(AddressType), AddressType, ipv4_is_private(IPAddress), "Private", "Public"),
    NetworkAdapterType = case(
        isnotnull(toint(NetworkAdapterType)), toint(NetworkAdapterType),
        NetworkAdapterType =~ "Ethernet", toint(6),
        NetworkAdapterType =~ "Ppp", toint(23),
        NetworkAdapterType =~ "Loopback", toint(24),
        NetworkAdapterType =~ "Wireless80211", toint(71),
        NetworkAdapterType =~ "GigabitEthernet", toint(117),
        NetworkAdapterType =~ "Tunnel", toint(131),
        NetworkAdapterType =~ "Wwanpp", toint(243),
        NetworkAdapterType =~ "Unknown", toint(1),
        int(null)),
    ConnectedNetworks
"#;

/// Devices that sent to an address of the device, and when they last did, but for addresses that every device or network has:
/// nothing else here says who saw whom. The page does not show what an element looks like; hunts read these two members.
const SEEN_BY: &str = r#"
let Rows = materialize(T);
let Addresses = DeviceNetworkInfo
    | where DeviceId in ((Rows | project Key_))
    | mv-expand Address = parse_json(IPAddresses)
    | project Seen_ = DeviceId, IP_ = tolower(tostring(Address.IPAddress))
    | where isnotempty(IP_) and IP_ !in ("0.0.0.0", "::", "::1")
    | where not(IP_ startswith "127." or IP_ startswith "169.254." or IP_ matches regex "^fe[89ab][0-9a-f]:")
    | distinct Seen_, IP_;
let Witnesses = DeviceNetworkEvents
    | project By_ = DeviceId, To_ = tolower(RemoteIP), At_ = Timestamp
    | where To_ in ((Addresses | project IP_)) and isnotempty(By_)
    | summarize At_ = max(At_) by By_, To_
    | join kind=inner Addresses on $left.To_ == $right.IP_
    | where By_ != Seen_
    | summarize At_ = max(At_) by By_, Seen_
    | sort by By_ asc
    | summarize SeenBy = make_list(bag_pack("DeviceId", By_, "LastEncountered", At_)) by Seen_;
Rows
| lookup kind=leftouter Witnesses on $left.Key_ == $right.Seen_
| project-away Key_
"#;

/// Rows with an insight of a type. Which property of an insight has its type is not documented: both likely ones count.
macro_rules! of_type {
    ($type:literal) => {
        concat!(
            "T | mv-apply Insight_ = parse_json(Insights) on (where tostring(Insight_.InsightType) == \"",
            $type,
            "\" or tostring(Insight_.Type) == \"",
            $type,
            "\" | take 1 | project Insight_) | project-away Insight_"
        )
    };
}

/// Rows with an insight of a type (or any) whose `About` has something for each filter.
const ABOUT: &str = r#"
T
| mv-apply with_itemindex=Insight_ Told_ = parse_json(Insights) on (
    where isempty(Type_) or tostring(Told_.InsightType) == Type_ or tostring(Told_.Type) == Type_
    | mv-expand About_ = Told_.About
    | mv-expand with_itemindex=Filter_ Wanted_ = Filters_
    | where isempty(tostring(Wanted_.Kind)) or tostring(About_.Kind) == tostring(Wanted_.Kind)
    | where isempty(tostring(Wanted_.Value)) or tostring(About_.Value) == tostring(Wanted_.Value)
    | summarize Met_ = dcount(Filter_) by Insight_
    | where Met_ >= array_length(Filters_) and array_length(Filters_) between (1 .. 3)
    | take 1
    | project Met_)
| project-away Met_
"#;

const ENTRIES: &[Entry] = &[
    (
        "DeviceFromIP",
        "T:(*), AsOf:datetime=datetime(null)",
        DEVICE_FROM_IP,
        Some("IP"),
    ),
    (
        "AssignedIPAddresses",
        "Device:string, AsOf:datetime=datetime(null)",
        ASSIGNED_ADDRESSES,
        None,
    ),
    ("SeenBy", "T:(*)", SEEN_BY, Some("DeviceId")),
    (
        "GetFirstSeenBehaviors",
        "T:(Insights:string, *)",
        of_type!("FirstSeen"),
        None,
    ),
    (
        "GetHighVolumeAnomalyBehaviors",
        "T:(Insights:string, *)",
        of_type!("HighVolumeAnomaly"),
        None,
    ),
    (
        "GetUncommonValueBehaviors",
        "T:(Insights:string, *)",
        of_type!("UncommonValue"),
        None,
    ),
    (
        "GetAnomalousBehaviorsByKind",
        "T:(Insights:string, *), Kind:string, insightType:string=\"\"",
        "T | invoke BehaviorsAbout_(pack_array(bag_pack(\"Kind\", Kind)), insightType)",
        None,
    ),
    (
        "GetAnomalousBehaviorsByValue",
        "T:(Insights:string, *), Value:string, insightType:string=\"\"",
        "T | invoke BehaviorsAbout_(pack_array(bag_pack(\"Value\", Value)), insightType)",
        None,
    ),
    (
        "GetAnomalousBehaviorsAbout",
        "T:(Insights:string, *), filters:dynamic",
        "T | invoke BehaviorsAbout_(filters)",
        None,
    ),
    (
        "BehaviorsAbout_",
        "T:(Insights:string, *), Filters_:dynamic, Type_:string=\"\"",
        ABOUT,
        None,
    ),
];

static FUNCTIONS: LazyLock<Vec<(&'static str, SavedFunction)>> = LazyLock::new(|| {
    let parsed = ENTRIES
        .iter()
        .filter_map(|(name, parameters, body, column)| {
            // The tests hold the texts to the parser.
            let function = SavedFunction::parse(parameters, body).ok()?;
            Some(match column {
                Some(column) => (*name, function.of_column(column)),
                None => (*name, function),
            })
        });
    parsed.collect()
});

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    ENTRIES.iter().map(|(name, ..)| *name)
}

/// Adds them to a scope that has the tables of the hunting schema.
pub fn declare(scope: &mut Scope) {
    for (name, function) in FUNCTIONS.iter() {
        scope.add_function(*name, function.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_function() {
        for (name, parameters, body, _) in ENTRIES {
            let parsed = SavedFunction::parse(parameters, body);
            assert!(parsed.is_ok(), "{name}: {parsed:?}");
        }
        assert_eq!(FUNCTIONS.len(), ENTRIES.len());
    }
}
