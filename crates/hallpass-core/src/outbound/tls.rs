//! Whose certificates are trusted: those that the system trusts, and an authority of the operator's own.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::error::Failure;

/// TLS for clients. Without a file of roots it is made once: there are many certificates to read.
pub(super) fn config(roots: Option<&Path>) -> Result<ClientConfig, Failure> {
    static PLAIN: OnceLock<ClientConfig> = OnceLock::new();
    // The app may have chosen its provider already; then that one is used.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Some(path) = roots {
        return verified_by(Verifier::new_with_extra_roots(read(path)?, provider()));
    }
    if let Some(plain) = PLAIN.get() {
        return Ok(plain.clone());
    }
    let made = verified_by(Verifier::new(provider())).or_else(|_| mozilla())?;
    Ok(PLAIN.get_or_init(|| made).clone())
}

fn provider() -> Arc<CryptoProvider> {
    let chosen = CryptoProvider::get_default().cloned();
    chosen.unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

fn failed(error: rustls::Error) -> Failure {
    Failure::from_source("TLS for providers", error)
}

fn verified_by(verifier: Result<Verifier, rustls::Error>) -> Result<ClientConfig, Failure> {
    let verifier = verifier.map_err(failed)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        // Dangerous is what replaces the check of certificates; this one is the system's own.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    Ok(config.with_no_client_auth())
}

/// The list that comes with the program, for a small container whose system has none.
fn mozilla() -> Result<ClientConfig, Failure> {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let what = format!("HALLPASS_OUTBOUND_CA: {}", path.display());
    let pem = std::fs::read(path).map_err(|error| Failure::from_source(&what, error))?;
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let roots = roots.map_err(|error| Failure::new(format!("{what}: {error}")))?;
    match roots.is_empty() {
        true => Err(Failure::new(format!("{what} has no certificate in PEM"))),
        false => Ok(roots),
    }
}
