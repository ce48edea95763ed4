//! IP addresses: one spelling, and the kind that `RemoteIPType` and `LocalIPType` name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads an address as sources write it: `-` and empty are nothing, `::ffff:1.2.3.4` is the IPv4
/// address inside, a zone (`fe80::1%12`) is cut off.
#[must_use]
pub fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.split('%').next().unwrap_or(text);
    match text.parse::<IpAddr>().ok()? {
        IpAddr::V6(v6) => Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)),
        v4 => Some(v4),
    }
}

/// The kind of an address. The names are those documented for `RemoteIPType`, and `LinkLocal`,
/// `Multicast` and `Unspecified` for what they leave open.
#[must_use]
pub fn kind(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    }
}

fn kind_v4(ip: Ipv4Addr) -> &'static str {
    let [a, b, ..] = ip.octets();
    if ip.is_unspecified() {
        "Unspecified"
    } else if ip.is_loopback() {
        "Loopback"
    } else if ip.is_private() {
        "Private"
    } else if ip.is_link_local() {
        "LinkLocal"
    } else if ip.is_broadcast() {
        "Broadcast"
    } else if ip.is_multicast() {
        "Multicast"
    } else if a == 0 || a >= 240 || (a == 100 && (64..128).contains(&b)) || ip.is_documentation() {
        "Reserved"
    } else {
        "Public"
    }
}

fn kind_v6(ip: Ipv6Addr) -> &'static str {
    let segments = ip.segments();
    if ip.is_unspecified() {
        "Unspecified"
    } else if ip.is_loopback() {
        "Loopback"
    } else if ip.is_multicast() {
        "Multicast"
    } else if ip.to_ipv4_mapped().is_some() {
        "FourToSixMapping"
    } else if segments[0] == 0x2001 && segments[1] == 0 {
        "Teredo"
    } else if segments[0] & 0xffc0 == 0xfe80 {
        "LinkLocal"
    } else if segments[0] & 0xfe00 == 0xfc00 {
        "Private"
    } else if segments[0] == 0x2001 && segments[1] == 0x0db8 {
        "Reserved"
    } else {
        "Public"
    }
}

/// Whether an address can be a host's own address on a network: what a device inventory lists.
#[must_use]
pub fn is_interface(ip: IpAddr) -> bool {
    matches!(
        kind(ip),
        "Private" | "Public" | "LinkLocal" | "Reserved" | "Teredo"
    ) && !subnet_broadcast(ip)
}

/// `x.x.x.255` is almost always a directed broadcast in an event's destination.
fn subnet_broadcast(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.octets()[3] == 255)
}

/// The name of an IP protocol: `6` and `tcp` are `Tcp`, `17` and `udp` are `Udp`.
#[must_use]
pub fn protocol(text: &str) -> Option<String> {
    let text = text.trim();
    Some(match text.to_ascii_lowercase().as_str() {
        "" | "-" => return None,
        "1" | "icmp" => "Icmp".to_owned(),
        "6" | "tcp" => "Tcp".to_owned(),
        "17" | "udp" => "Udp".to_owned(),
        "58" | "icmpv6" => "IcmpV6".to_owned(),
        other => {
            let mut chars = other.chars();
            chars
                .next()
                .map(|c| c.to_ascii_uppercase())
                .into_iter()
                .chain(chars)
                .collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (text, want) in [
            ("10.0.0.5", "Private"),
            ("172.18.39.5", "Private"),
            ("168.63.129.16", "Public"),
            ("127.0.0.1", "Loopback"),
            ("::1", "Loopback"),
            ("fe80:0:0:0:5d54:ed5a:760f:c4ff", "LinkLocal"),
            ("224.0.0.251", "Multicast"),
            ("ff02::fb", "Multicast"),
            ("255.255.255.255", "Broadcast"),
            ("2001:0:4136:e378::1", "Teredo"),
            ("100.64.0.1", "Reserved"),
            ("0.0.0.0", "Unspecified"),
            ("2001:500:2:0:0:0:0:c", "Public"),
        ] {
            assert_eq!(kind(parse(text).unwrap()), want, "{text}");
        }
        assert_eq!(kind("::ffff:8.8.8.8".parse().unwrap()), "FourToSixMapping");
    }

    #[test]
    fn one_spelling() {
        assert_eq!(
            parse("::ffff:172.18.39.105").unwrap().to_string(),
            "172.18.39.105"
        );
        assert_eq!(
            parse("fe80:0:0:0:0:0:0:1%7").unwrap().to_string(),
            "fe80::1"
        );
        assert_eq!(parse("-"), None);
    }

    #[test]
    fn protocols() {
        assert_eq!(protocol("6").as_deref(), Some("Tcp"));
        assert_eq!(protocol("udp").as_deref(), Some("Udp"));
        assert_eq!(protocol("igmp").as_deref(), Some("Igmp"));
        assert_eq!(protocol("-"), None);
    }
}
