//! The HTTP client: TLS, certificates and proxies.
//!
//! Built at the first call, since reading the system's certificates takes milliseconds that a run without a model need
//! not spend. An endpoint on this machine gets neither certificates nor a proxy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use naestro_kernel::{Failure, FailureKind};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::endpoint::{Address, Endpoint, Timeouts};

/// Builds the client; blocks on reading certificates.
pub(crate) fn build(address: &Address, ca_file: Option<&PathBuf>, timeouts: Timeouts) -> Result<reqwest::Client, Failure> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("naestro/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        // A redirect would carry the conversation to a host that nobody permitted.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    builder = if address.is_loopback() && !address.is_https() {
        builder.no_proxy().tls_backend_preconfigured(tls(std::iter::empty(), Roots::None)?)
    } else if address.is_loopback() {
        builder.no_proxy().tls_backend_preconfigured(tls(extra_roots(ca_file)?, Roots::System)?)
    } else {
        builder.tls_backend_preconfigured(tls(extra_roots(ca_file)?, Roots::System)?)
    };
    builder.build().map_err(|error| failure(&format!("prepare a connection to {}: {error}", address.base()), ""))
}

/// A client for another server than a model's: the same certificates, the same proxies, no redirects. Blocks.
///
/// # Errors
/// The failure, if the address is none, or the certificates cannot be read.
pub fn http_client(url: &str, ca_file: Option<&PathBuf>) -> Result<reqwest::Client, Failure> {
    // What the SDK of such servers builds for itself finds this provider; one that is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let endpoint = Endpoint { allow_http: true, ..Endpoint::new(url) };
    let address = endpoint.check().map_err(|error| failure(&error.message, &error.hint))?;
    build(&address, ca_file, Timeouts::default())
}

enum Roots {
    None,
    System,
}

/// A configuration with a provider of its own, so that no process-wide one need be installed.
fn tls(extra: impl IntoIterator<Item = CertificateDer<'static>>, roots: Roots) -> Result<rustls::ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let refused = |error: rustls::Error| failure(&format!("prepare TLS: {error}"), "install the system's certificates, or name a CA file");
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(refused)?;
    let mut config = match roots {
        Roots::None => builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth(),
        Roots::System => {
            let verifier = Verifier::new_with_extra_roots(extra, provider).map_err(refused)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn extra_roots(ca_file: Option<&PathBuf>) -> Result<Vec<CertificateDer<'static>>, Failure> {
    ca_file.map_or(Ok(Vec::new()), |path| read_roots(path))
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let refused = |why: &str| failure(&format!("read the CA file {}: {why}", path.display()), "give a PEM file of certificates");
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| refused(&error.to_string()))?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|error| refused(&error.to_string()))?;
    if certificates.is_empty() { Err(refused("it holds no certificate")) } else { Ok(certificates) }
}

fn failure(message: &str, hint: &str) -> Failure {
    Failure { kind: FailureKind::Permanent, message: message.to_owned(), hint: hint.to_owned(), retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_that_is_none_is_named() {
        for (path, why) in [("/nonexistent/ca.pem", "No such file"), (file!(), "certificate")] {
            let path = if path.starts_with('/') { PathBuf::from(path) } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml") };
            let refused = read_roots(&path).err().map(|failure| failure.message).unwrap_or_default();
            assert!(refused.contains(why) && refused.contains(&*path.to_string_lossy()), "{refused}");
        }
    }
}
