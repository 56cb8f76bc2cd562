//! TLS to PostgreSQL: libpq's `sslmode`s, by rustls.

use std::fs;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
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
    let trust = match target.sslmode {
        SslMode::VerifyFull | SslMode::VerifyCa => {
            let (roots, own) = roots(roots_of(target))?;
            let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
            let chain = chain.map_err(|error| unusable(roots_of(target), Box::new(error)))?;
            Some(Trust { chain, own, name: target.sslmode == SslMode::VerifyFull })
        }
        SslMode::Disable | SslMode::Prefer | SslMode::Require => None,
    };
    let verifier = Arc::new(Verifier { provider, trust });
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    // as a server wants it that is asked for TLS at once (`sslnegotiation=direct`)
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
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

/// The authorities; and where a file holds them, its certificates as they stand there.
fn roots(from: &RootCertificates) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), DbError> {
    let mut store = RootCertStore::empty();
    let mut own = Vec::new();
    match from {
        RootCertificates::System => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        RootCertificates::File(path) => {
            let pem = fs::read(path).map_err(|error| unusable(from, Box::new(error)))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unusable(from, error.to_string().into()))?;
                store.add(certificate.clone()).map_err(|error| unusable(from, Box::new(error)))?;
                own.push(certificate);
            }
        }
    }
    if store.is_empty() {
        return Err(unusable(from, "there is no certificate in it".into()));
    }
    Ok((store, own))
}

/// Checks as much of a certificate as libpq does in the same mode.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// `prefer` and `require`: encrypted, to whomever.
    trust: Option<Trust>,
}

/// Whose certificates are good.
#[derive(Debug)]
struct Trust {
    /// Who must have signed.
    chain: Arc<WebPkiServerVerifier>,
    /// The file's certificates: a server may show one of them as its own.
    own: Vec<CertificateDer<'static>>,
    /// `verify-full`: the certificate must name the host.
    name: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(trust) = &self.trust else { return Ok(ServerCertVerified::assertion()) };
        match trust.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // webpki checks the chain first and the name last
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !trust.name => Ok(ServerCertVerified::assertion()),
            // `openssl req -x509` says of what it makes that it is an authority, which webpki takes from no server
            // (`CaUsedAsEndEntity`, which rustls has no name for). The dates it has looked at by then.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_))) if trust.own.contains(end_entity) => {
                // what can't be read was refused before its dates were looked at
                let certificate = ParsedCertificate::try_from(end_entity)?;
                if trust.name {
                    verify_server_name(&certificate, server_name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
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
