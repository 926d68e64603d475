//! TLS to PostgreSQL, as far as `sslmode` asks for it.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::error::Failure;
use crate::store::url::Verify;

/// What the driver needs to encrypt. The provider is named here: an app may have no default one, or another.
pub(super) fn config(verify: &Verify) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::from_source("TLS", error))?;
    let lenient = |chain| {
        let verifier = Lenient {
            chain,
            provider: Arc::clone(&provider),
        };
        builder
            .clone()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth()
    };
    Ok(match verify {
        Verify::Off | Verify::Nobody => lenient(None),
        Verify::Chain(path) => {
            let chain = WebPkiServerVerifier::builder_with_provider(
                Arc::new(read_roots(path)?),
                Arc::clone(&provider),
            )
            .build()
            .map_err(|error| Failure::from_source("sslrootcert", error))?;
            lenient(Some(chain))
        }
        Verify::Full(path) => {
            let roots = match path {
                Some(path) => read_roots(path)?,
                None => RootCertStore {
                    roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
                },
            };
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    })
}

fn read_roots(path: &std::path::Path) -> Result<RootCertStore, Failure> {
    let what = format!("sslrootcert {}", path.display());
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)
        .map_err(|error| Failure::from_source(what.as_str(), error))?
    {
        let certificate =
            certificate.map_err(|error| Failure::from_source(what.as_str(), error))?;
        store
            .add(certificate)
            .map_err(|error| Failure::from_source(what.as_str(), error))?;
    }
    if store.is_empty() {
        return Err(Failure::new(format!("{what} holds no certificate")));
    }
    Ok(store)
}

/// What libpq does below `verify-full`: with a chain (`verify-ca`), whoever our authority vouches for, under any name;
/// without one, whoever answers, which keeps out those who listen and not those who reroute.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        // The name comes last: where it alone is wrong, the chain was found right.
        match chain.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            answer => answer,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
