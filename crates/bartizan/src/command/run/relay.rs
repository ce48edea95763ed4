//! A relay before the server's proxy, for one command: what the proxy refuses is said on standard error, since most
//! clients show nothing of a refused CONNECT but its number.
//!
//! It looks at the first exchange of a connection alone; what follows is TLS, which it does not see into.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use crate::printer::Printer;

/// The longest head of a request or an answer that is waited for, in bytes.
const HEAD: usize = 16 * 1024;

/// Listens on loopback, as long as this process lives, and carries every connection to `proxy`.
///
/// # Errors
/// When no port is free, or `proxy` names no host and port.
pub(super) fn start(proxy: &Url, printer: Printer) -> io::Result<SocketAddr> {
    let upstream = proxy.socket_addrs(|| None)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let told = Told {
        printer,
        targets: Mutex::new(BTreeSet::new()),
    };
    let told = Arc::new(told);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (upstream, told) = (upstream.clone(), Arc::clone(&told));
            // A connection that breaks is the client's to report.
            std::thread::spawn(move || drop(carry(client, &upstream, &told)));
        }
    });
    Ok(address)
}

/// What has been said already: clients try again, people want to read it once.
struct Told {
    printer: Printer,
    targets: Mutex<BTreeSet<String>>,
}

impl Told {
    fn once(&self, subject: &str, text: &str) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        if targets.insert(subject.to_owned()) {
            self.printer.remark(text);
        }
    }
}

fn carry(mut client: TcpStream, upstream: &[SocketAddr], told: &Told) -> io::Result<()> {
    let request = head(&mut client)?;
    let mut server = match TcpStream::connect(upstream) {
        Ok(server) => server,
        Err(error) => {
            let text = format!(
                "bartizan run: the server's proxy cannot be reached ({error}){}",
                crate::target::start()
            );
            told.once("", &text);
            return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        }
    };
    server.write_all(&request)?;
    let answer = head(&mut server)?;
    if let Some(target) = refused(&request, &answer) {
        let text = format!(
            "bartizan run: {target} was refused: it is none of the hosts that this server answers for. A server that \
             is started with --proxy-pass-through lets other hosts through."
        );
        told.once(target, &text);
    }
    client.write_all(&answer)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let up = std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Write);
    let _ = up.join();
    Ok(())
}

/// What has come when the head is whole, or the peer has ended, or it has grown too long.
fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 2048];
    while bytes.len() < HEAD && !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => break,
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(bytes)
}

/// The host and port of a CONNECT that was answered with 403.
fn refused<'a>(request: &'a [u8], answer: &[u8]) -> Option<&'a str> {
    let words = |bytes: &'a [u8]| {
        let line = bytes.split(|byte| *byte == b'\r').next()?;
        Some(std::str::from_utf8(line).ok()?.split(' '))
    };
    let status = answer.get(9..12)?;
    let mut request = words(request)?;
    let target = (request.next()? == "CONNECT").then(|| request.next())??;
    (status == b"403").then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_tunnel_is_a_refusal() {
        let connect = b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n";
        let answer = |status: &str| format!("HTTP/1.1 {status}\r\n\r\n").into_bytes();
        assert_eq!(
            refused(connect, &answer("403 Forbidden")),
            Some("example.org:443")
        );
        assert_eq!(refused(connect, &answer("200 OK")), None);
        assert_eq!(
            refused(b"GET http://x/ HTTP/1.1\r\n\r\n", &answer("403 Forbidden")),
            None
        );
        assert_eq!(refused(b"", b""), None);
    }
}
