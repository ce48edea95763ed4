//! The local certificate authority: made at the first start, name-constrained to the hosts that the server answers
//! for, its key readable by the owner alone, and never installed anywhere by the server.
//!
//! The constraint (RFC 5280 section 4.2.1.10) is what makes it tolerable to trust: even with the key in hand, nobody
//! can use it to impersonate a host outside the list.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use crate::data_dir::{DataDir, write_private};

/// What can go wrong while making or reading the authority.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's word.
        source: std::io::Error,
    },
    /// A certificate could not be made or parsed.
    #[error("certificate authority: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused the certificate.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// A stored PEM file does not hold what it should.
    #[error("{0}: not a PEM certificate; move the `ca` folder away to have a new authority made")]
    NotPem(PathBuf),
}

/// The authority of one data directory.
#[derive(Debug)]
pub struct CertificateAuthority {
    certificate_path: PathBuf,
    bundle_path: PathBuf,
    certificate_pem: String,
    certificate: CertificateDer<'static>,
    key_pem: String,
}

impl CertificateAuthority {
    /// Opens the authority of `dir`, or makes it. `hosts` are the DNS names that it may ever certify (with their
    /// subdomains), besides `localhost` and the loopback addresses.
    pub fn open(dir: &DataDir, hosts: &[&str], now: OffsetDateTime) -> Result<Self, CaError> {
        let folder = dir.folder("ca").map_err(io(dir.path()))?;
        let certificate_path = folder.join("ca.pem");
        let key_path = folder.join("ca-key.pem");
        if !(certificate_path.exists() && key_path.exists()) {
            let (certificate, key) = make_authority(hosts, now)?;
            // The key first: a certificate without its key would look complete to the next start.
            write_private(&key_path, key.as_bytes()).map_err(io(&key_path))?;
            write_private(&certificate_path, certificate.as_bytes())
                .map_err(io(&certificate_path))?;
        }
        let certificate_pem =
            std::fs::read_to_string(&certificate_path).map_err(io(&certificate_path))?;
        let key_pem = std::fs::read_to_string(&key_path).map_err(io(&key_path))?;
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|_| CaError::NotPem(certificate_path.clone()))?;
        let bundle_path = folder.join("bundle.pem");
        write_bundle(&bundle_path, &certificate_pem)?;
        Ok(Self {
            certificate_path,
            bundle_path,
            certificate_pem,
            certificate,
            key_pem,
        })
    }

    /// The certificate's file, for tools that add one root to their own.
    #[must_use]
    pub fn certificate_path(&self) -> &Path {
        &self.certificate_path
    }

    /// A file of the system's roots and ours, for tools whose trust variable replaces their roots.
    #[must_use]
    pub fn bundle_path(&self) -> &Path {
        &self.bundle_path
    }

    /// The certificate as PEM text.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A TLS configuration with a fresh leaf for `names` (DNS names or IP addresses), signed by the authority.
    ///
    /// The leaf and its key live in memory only: a new one is made at each start.
    pub fn server_config(
        &self,
        names: &[String],
        now: OffsetDateTime,
    ) -> Result<Arc<rustls::ServerConfig>, CaError> {
        let issuer =
            Issuer::from_ca_cert_pem(&self.certificate_pem, KeyPair::from_pem(&self.key_pem)?)?;
        let mut params = CertificateParams::new(names.to_vec())?;
        params
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        params.not_before = now - Duration::hours(1);
        params.not_after = now + Duration::days(397);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone(), self.certificate.clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn make_authority(hosts: &[&str], now: OffsetDateTime) -> Result<(String, String), CaError> {
    let mut permitted: Vec<GeneralSubtree> = hosts
        .iter()
        .map(|host| GeneralSubtree::DnsName((*host).to_owned()))
        .collect();
    permitted.push(GeneralSubtree::DnsName("localhost".to_owned()));
    permitted.push(GeneralSubtree::IpAddress(CidrSubnet::V4(
        [127, 0, 0, 0],
        [255, 0, 0, 0],
    )));
    let mut loopback = [0; 16];
    loopback[15] = 1;
    permitted.push(GeneralSubtree::IpAddress(CidrSubnet::V6(
        loopback, [255; 16],
    )));
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Bartizan");
    params.distinguished_name.push(
        DnType::CommonName,
        "Bartizan local authority (this machine)",
    );
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: permitted,
        excluded_subtrees: Vec::new(),
    });
    params.not_before = now - Duration::hours(1);
    params.not_after = now + Duration::days(3650);
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Where distributions keep the system's roots as one PEM file.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn write_bundle(path: &Path, certificate: &str) -> Result<(), CaError> {
    let mut bundle = SYSTEM_BUNDLES
        .iter()
        .find_map(|file| std::fs::read_to_string(file).ok())
        .unwrap_or_default();
    if !bundle.is_empty() && !bundle.ends_with('\n') {
        bundle.push('\n');
    }
    bundle.push_str(certificate);
    write_private(path, bundle.as_bytes()).map_err(io(path))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> CaError + '_ {
    move |source| CaError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("a valid time")
    }

    #[test]
    fn is_made_once_and_found_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let data = DataDir::open(dir.path()).expect("the data directory");
        let first = CertificateAuthority::open(&data, &["login.example"], now()).expect("made");
        let again = CertificateAuthority::open(&data, &["login.example"], now()).expect("found");
        assert_eq!(first.certificate_pem(), again.certificate_pem());
        assert!(
            std::fs::read_to_string(again.bundle_path())
                .expect("the bundle")
                .ends_with(first.certificate_pem())
        );
    }

    #[cfg(unix)]
    #[test]
    fn keeps_its_key_to_the_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        let data = DataDir::open(dir.path()).expect("the data directory");
        CertificateAuthority::open(&data, &[], now()).expect("made");
        let mode = std::fs::metadata(dir.path().join("ca/ca-key.pem")).expect("the key");
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }

    /// A leaf for a host outside the constraint is refused by a verifier that trusts the authority.
    #[test]
    fn cannot_certify_a_host_outside_its_constraint() {
        use rustls::client::danger::ServerCertVerifier as _;
        use rustls::pki_types::{ServerName, UnixTime};
        let dir = tempfile::tempdir().expect("a folder");
        let data = DataDir::open(dir.path()).expect("the data directory");
        let ca = CertificateAuthority::open(&data, &["login.example"], now()).expect("made");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(ca.certificate.clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .expect("a verifier");
        let verify = |host: &str| {
            let issuer = Issuer::from_ca_cert_pem(
                &ca.certificate_pem,
                KeyPair::from_pem(&ca.key_pem).expect("a key"),
            )
            .expect("an issuer");
            let mut params = CertificateParams::new(vec![host.to_owned()]).expect("params");
            params.not_before = now() - Duration::hours(1);
            params.not_after = now() + Duration::days(1);
            let leaf = params
                .signed_by(&KeyPair::generate().expect("a key"), &issuer)
                .expect("a leaf");
            verifier.verify_server_cert(
                leaf.der(),
                &[],
                &ServerName::try_from(host.to_owned()).expect("a name"),
                &[],
                UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_790_000_000)),
            )
        };
        assert!(verify("login.example").is_ok());
        assert!(verify("localhost").is_ok());
        assert!(verify("127.0.0.1").is_ok());
        assert!(verify("bank.example").is_err());
    }
}
