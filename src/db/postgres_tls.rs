//! TLS to PostgreSQL: libpq's `sslmode`s, by rustls.

use std::fs;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::DbError;
use crate::config::{PostgresTarget, RootCertificates, SslMode};

/// What the driver makes its TLS connections with. The certificates are read only where they will be looked at.
///
/// What each mode checks: <https://www.postgresql.org/docs/current/libpq-ssl.html>, table 34.1.
pub(super) fn connector(target: &PostgresTarget) -> Result<MakeRustlsConnect, DbError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has TLS 1.2 and 1.3");
    let chain = match target.sslmode {
        SslMode::VerifyFull => {
            let config = builder.with_root_certificates(roots(roots_of(target))?).with_no_client_auth();
            return Ok(connect_with(config));
        }
        SslMode::VerifyCa => {
            let roots = Arc::new(roots(roots_of(target))?);
            let chain = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
            Some(chain.map_err(|error| unusable(roots_of(target), Box::new(error)))?)
        }
        SslMode::Disable | SslMode::Prefer | SslMode::Require => None,
    };
    let verifier = Arc::new(Lenient { provider, chain });
    let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(connect_with(config))
}

/// The protocol is named, as a server wants it that is asked for TLS at once (`sslnegotiation=direct`).
fn connect_with(mut config: ClientConfig) -> MakeRustlsConnect {
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    MakeRustlsConnect::new(config)
}

/// Without a file of its own, a mode that verifies uses the system's certificates.
fn roots_of(target: &PostgresTarget) -> &RootCertificates {
    target.sslrootcert.as_ref().unwrap_or(&RootCertificates::System)
}

fn unusable(from: &RootCertificates, source: Box<dyn std::error::Error + Send + Sync>) -> DbError {
    let path = match from {
        RootCertificates::File(path) => path.display().to_string(),
        RootCertificates::System => "system".to_owned(),
    };
    DbError::Certificates { path, source }
}

fn roots(from: &RootCertificates) -> Result<RootCertStore, DbError> {
    let mut store = RootCertStore::empty();
    match from {
        RootCertificates::System => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        RootCertificates::File(path) => {
            let pem = fs::read(path).map_err(|error| unusable(from, Box::new(error)))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unusable(from, error.to_string().into()))?;
                store.add(certificate).map_err(|error| unusable(from, Box::new(error)))?;
            }
        }
    }
    if store.is_empty() {
        return Err(unusable(from, "there is no certificate in it".into()));
    }
    Ok(store)
}

/// Checks less than the whole certificate, as libpq does in all modes but `verify-full`.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    /// `verify-ca`: who must have signed. `prefer` and `require`: encrypted, to whomever.
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // webpki checks the chain first and the name last
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
