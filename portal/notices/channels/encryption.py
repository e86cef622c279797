"""What only one browser can read: a push message encrypted for it.

Source: RFC 8291 (keys), RFC 8188 (aes128gcm), tried on RFC 8291 appendix A.
"""

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CURVE = ec.SECP256R1()
_RECORD_BYTES = 4096
_LAST_RECORD = b"\x02"


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public key of a private one, uncompressed: 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encrypt(
    clear: bytes,
    *,
    browser_key: bytes,
    browser_secret: bytes,
    salt: bytes | None = None,
    own_key: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Return `clear` for the browser that made the key and the secret, with a key used once."""
    salt = salt or os.urandom(16)
    own_key = own_key or ec.generate_private_key(_CURVE)
    own = public_bytes(own_key)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, browser_key)
    shared = own_key.exchange(ec.ECDH(), theirs)
    secret = _derived(shared, browser_secret, b"WebPush: info\x00" + browser_key + own, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\x00", 12)
    sealed = AESGCM(key).encrypt(nonce, clear + _LAST_RECORD, None)
    return salt + _RECORD_BYTES.to_bytes(4, "big") + bytes([len(own)]) + own + sealed


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=salt, info=info).derive(secret)
