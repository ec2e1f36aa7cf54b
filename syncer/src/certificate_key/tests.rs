//! Every type of key: the request says nothing but the public key, and the private key made its signature.

use p521::ecdsa::signature::Verifier;
use p521::pkcs8::DecodePrivateKey;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use super::*;

/// Checks what holds for all; returns the private key, DER.
fn checked(key_type: &str, verify: bool) -> (MadeKey, Vec<u8>) {
    let made = make(key_type).unwrap();
    let (rest, request) = X509CertificationRequest::from_der(&made.stub).unwrap();
    assert!(rest.is_empty());
    let info = &request.certification_request_info;
    assert_eq!(info.subject.iter().count(), 0);
    assert_eq!(info.iter_attributes().count(), 0);
    if verify {
        request.verify_signature().unwrap();
    }
    assert!(made.private_key.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let mut keys = pem::blocks(&made.private_key);
    assert_eq!(keys.len(), 1);
    assert!(!format!("{made:?}").contains("PRIVATE"));
    let key = keys.remove(0);
    (made, key)
}

/// The public key in the request is that of the private key.
fn belongs(made: &MadeKey, key: &[u8]) {
    let pair = KeyPair::try_from(key).unwrap();
    let (_, request) = X509CertificationRequest::from_der(&made.stub).unwrap();
    let public = request.certification_request_info.subject_pki.raw.to_vec();
    assert_eq!(public, pair.subject_public_key_info());
}

#[test]
fn ecdsa_keys_of_ring_sign_for_themselves() {
    for key_type in ["ECDSAP256", "ECDSAP384"] {
        let (made, key) = checked(key_type, true);
        belongs(&made, &key);
    }
}

#[test]
fn an_ed25519_key_is_the_first_version_of_pkcs8() {
    let (made, key) = checked("ED25519", true);
    assert_eq!(key.len(), 48);
    belongs(&made, &key);
}

#[test]
fn a_p521_key_signs_for_itself() {
    let (made, key) = checked("ECDSAP521", false);
    let secret = p521::SecretKey::from_pkcs8_der(&key).unwrap();
    let verifying = p521::ecdsa::VerifyingKey::from(&p521::ecdsa::SigningKey::from(&secret));
    let (_, request) = X509CertificationRequest::from_der(&made.stub).unwrap();
    let signature = p521::ecdsa::DerSignature::try_from(&*request.signature_value.data).unwrap();
    verifying
        .verify(request.certification_request_info.raw, &signature)
        .unwrap();
}

#[test]
fn an_rsa_key_has_the_bits_that_are_asked_for() {
    let (made, key) = checked("RSA3072", true);
    belongs(&made, &key);
    let (_, request) = X509CertificationRequest::from_der(&made.stub).unwrap();
    let Ok(PublicKey::RSA(public)) = request.certification_request_info.subject_pki.parsed() else {
        panic!("not RSA")
    };
    assert_eq!(public.key_size(), 3072);
}

#[test]
fn another_type_is_refused() {
    assert!(matches!(make("DSA"), Err(Error::Unknown(_))));
}
