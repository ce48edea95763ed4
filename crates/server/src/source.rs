//! The address that somebody is at who sent a request.

use std::net::IpAddr;

use http::HeaderMap;

/// The address of whoever sent a request over a connection from `peer`. Behind a reverse proxy on this machine it is
/// what that one wrote last into `X-Forwarded-For`; from anywhere else the header is the caller's own invention.
pub(crate) fn source(peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer?;
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back();
    let last = forwarded
        .filter(|_| peer.is_loopback())
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.rsplit(',').next())
        .and_then(|value| value.trim().parse().ok());
    Some(last.unwrap_or(peer))
}

/// The network of an address that one holder has whole: an IPv6 customer gets at least a /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(prefix.into())
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let mut headers = HeaderMap::new();
        let address = |text: &str| text.parse::<IpAddr>().ok();
        assert_eq!(source(None, &headers), None);
        assert_eq!(source(address("192.0.2.1"), &headers), address("192.0.2.1"));
        headers.append(
            "x-forwarded-for",
            HeaderValue::from_static("10.0.0.1, 198.51.100.7"),
        );
        // What the proxy wrote is the last one; those before it came with the request.
        assert_eq!(
            source(address("127.0.0.1"), &headers),
            address("198.51.100.7")
        );
        assert_eq!(source(address("192.0.2.1"), &headers), address("192.0.2.1"));
        headers.append("x-forwarded-for", HeaderValue::from_static("nonsense"));
        assert_eq!(source(address("127.0.0.1"), &headers), address("127.0.0.1"));
    }
}
