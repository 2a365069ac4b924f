"""Encryption in the age format, version 1, to one X25519 recipient.

Who encrypts needs the recipient alone, so that the key which opens a backup is not on the machine
that makes it. Debian's `age` opens these files too: `age -d -i KEY-FILE < FILE | gunzip`.
Source: https://github.com/C2SP/C2SP/blob/main/age.md; Bech32: BIP 173.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION: Final = b"age-encryption.org/v1\n"
X25519_LABEL: Final = b"age-encryption.org/v1/X25519"
STANZA: Final = b"-> X25519 "
CHUNK: Final = 64 * 1024  # bytes of plain text that are sealed together
TAG: Final = 16  # bytes that sealing adds to a chunk
FILE_KEY: Final = 16  # bytes
NONCE: Final = 16  # bytes before the first chunk
PUBLIC, SECRET = "age", "age-secret-key-"
CHARACTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


class WrongKey(ValueError):
    """The text is no key, or the file was encrypted to another one."""


class Damaged(ValueError):
    """The bytes are not what was encrypted."""


def new_key() -> str:
    """Return a new secret key, as `age-keygen` writes it."""
    return _bech32(SECRET, os.urandom(32)).upper()


def recipient_of(key: str) -> str:
    """Return the recipient whose files this secret key opens, or raise WrongKey."""
    return _bech32(PUBLIC, _secret(key).public_key().public_bytes_raw())


def encrypt(recipient: str, plain: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the encrypted file of these bytes, whatever their pieces."""
    public = _unbech32(PUBLIC, recipient)
    file_key = os.urandom(FILE_KEY)
    ephemeral = X25519PrivateKey.generate()
    share = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    wrapping = ChaCha20Poly1305(_derive(shared, salt=share + public, label=X25519_LABEL))
    body = _text(wrapping.encrypt(bytes(12), file_key, None))
    header = b"%b%b%b\n%b\n---" % (VERSION, STANZA, _text(share), body)
    yield b"%b %b\n" % (header, _text(_mac(file_key, header)))
    nonce = os.urandom(NONCE)
    yield nonce
    cipher = ChaCha20Poly1305(_derive(file_key, salt=nonce, label=b"payload"))
    for number, (chunk, last) in enumerate(_chunks(plain, CHUNK)):
        yield cipher.encrypt(_nonce(number, last=last), chunk, None)


def decrypt(key: str, sealed: BinaryIO) -> Iterator[bytes]:
    """Yield the plain bytes of an encrypted file. Raises WrongKey or Damaged."""
    file_key = _read_header(_secret(key), sealed)
    nonce = sealed.read(NONCE)
    cipher = ChaCha20Poly1305(_derive(file_key, salt=nonce, label=b"payload"))
    pieces = iter(lambda: sealed.read(CHUNK + TAG), b"")
    for number, (chunk, last) in enumerate(_chunks(pieces, CHUNK + TAG)):
        try:
            yield cipher.decrypt(_nonce(number, last=last), chunk, None)
        except InvalidTag as error:
            raise Damaged(f"chunk {number} was changed or cut off") from error


def _read_header(secret: X25519PrivateKey, sealed: BinaryIO) -> bytes:
    """Return the key of the file behind a header, having checked the header's own seal."""
    version, stanza, body, end = (sealed.readline(200) for _ in range(4))
    if version != VERSION or not stanza.startswith(STANZA) or not end.startswith(b"--- "):
        raise Damaged("the header is not that of an age file with one X25519 recipient")
    try:
        share = _bytes(stanza.removeprefix(STANZA))
        wrapped = _bytes(body)
        mac = _bytes(end.removeprefix(b"--- "))
        shared = secret.exchange(X25519PublicKey.from_public_bytes(share))
        salt = share + secret.public_key().public_bytes_raw()
        wrapping = ChaCha20Poly1305(_derive(shared, salt=salt, label=X25519_LABEL))
        file_key = wrapping.decrypt(bytes(12), wrapped, None)
    except InvalidTag as error:
        raise WrongKey("the file was encrypted to another key") from error
    except ValueError as error:
        raise Damaged(f"the header cannot be read: {error}") from error
    if not hmac.compare_digest(mac, _mac(file_key, version + stanza + body + b"---")):
        raise Damaged("the header was changed")
    return file_key


def _chunks(pieces: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield chunks of `size` bytes, each with whether it is the last, which alone may be short."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) > size:
            yield bytes(waiting[:size]), False
            del waiting[:size]
    yield bytes(waiting), True


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _mac(file_key: bytes, header: bytes) -> bytes:
    return hmac.digest(_derive(file_key, salt=b"", label=b"header"), header, "sha256")


def _derive(key: bytes, *, salt: bytes, label: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=salt, info=label).derive(key)


def _text(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    text = text.rstrip(b"\n")
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)


def _secret(key: str) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(_unbech32(SECRET, key))


def _bech32(prefix: str, data: bytes) -> str:
    """Return 32 bytes as a text with a prefix and a checksum."""
    values = _regroup(data, 8, 5)
    check = _checksum(prefix, [*values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [(check >> 5 * (5 - place)) & 31 for place in range(6)]
    return f"{prefix}1{''.join(CHARACTERS[value] for value in values)}"


def _unbech32(prefix: str, text: str) -> bytes:
    """Return the 32 bytes of a text, or raise WrongKey."""
    found, _, encoded = text.strip().lower().rpartition("1")
    values = [CHARACTERS.find(character) for character in encoded]
    if found != prefix or -1 in values or _checksum(prefix, values) != 1:
        raise WrongKey("this is not a key of the age format, or it was copied in part")
    data = bytes(_regroup(values[:-6], 5, 8))[:32]
    if len(data) != 32:  # noqa: PLR2004  (a key of X25519)
        raise WrongKey("the key is too short")
    return data


def _checksum(prefix: str, values: Sequence[int]) -> int:
    check = 1
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    for value in [*expanded, *values]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(GENERATORS):
            check ^= generator if (top >> bit) & 1 else 0
    return check


def _regroup(values: Iterable[int], width: int, into: int) -> list[int]:
    """Return the same bits in groups of another width. The last group is filled up with zeros."""
    bits = "".join(format(value, f"0{width}b") for value in values)
    if into == 8:  # noqa: PLR2004  (back to bytes, without what had filled the last group up)
        bits = bits[: len(bits) // 8 * 8]
    return [int(bits[at : at + into].ljust(into, "0"), 2) for at in range(0, len(bits), into)]
