//! An empty PKCS#10 certification request (RFC 2986), DER: no name, no attributes, only the public key and a
//! signature. Signers of Kubernetes refuse one that says more.

use yasna::models::ObjectIdentifier;
use yasna::{DERWriterSeq, Tag, construct_der};

/// How the request is signed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Algorithm {
    /// PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    fn write(self, writer: &mut DERWriterSeq<'_>) {
        let identifier: &[u64] = match self {
            Self::RsaSha256 => &[1, 2, 840, 113_549, 1, 1, 11],
            Self::EcdsaSha256 => &[1, 2, 840, 10_045, 4, 3, 2],
            Self::EcdsaSha384 => &[1, 2, 840, 10_045, 4, 3, 3],
            Self::EcdsaSha512 => &[1, 2, 840, 10_045, 4, 3, 4],
            Self::Ed25519 => &[1, 3, 101, 112],
        };
        writer.next().write_sequence(|writer| {
            writer.next().write_oid(&ObjectIdentifier::from_slice(identifier));
            // RFC 4055: RSA names parameters, and they are null; the others must not name any.
            if matches!(self, Self::RsaSha256) {
                writer.next().write_null();
            }
        });
    }
}

/// The request for the public key `public` (`SubjectPublicKeyInfo`, DER), signed by `sign`.
///
/// # Errors
/// What `sign` returns.
pub(super) fn stub<E>(
    public: &[u8],
    algorithm: Algorithm,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let body = construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_i8(0);
            writer.next().write_sequence(|_no_name| {});
            writer.next().write_der(public);
            writer
                .next()
                .write_tagged_implicit(Tag::context(0), |writer| writer.write_set(|_no_attributes| {}));
        });
    });
    let signature = sign(&body)?;
    Ok(construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_der(&body);
            algorithm.write(writer);
            writer.next().write_bitvec_bytes(&signature, signature.len() * 8);
        });
    }))
}
