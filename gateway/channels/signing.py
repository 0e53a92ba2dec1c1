"""
Signatures and envelopes: the few schemes that all platforms are made of.

Everything is compared as bytes in constant time; a header with characters that
no signature has is refused, never raised upon.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import struct
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from gateway.channels.contract import HookRefused, RawRequest


#: Bytes of an AES block, and of the padding of WeChat's envelope.
_BLOCK = 16
_WECHAT_BLOCK = 32
#: Random bytes and length in front of WeChat's message.
_WECHAT_HEAD = 20
_SECONDS = re.compile(r"[0-9]{1,16}").fullmatch


def same(found: str | None, wanted: str) -> bool:
    """Whether two signatures are the same, in constant time."""
    return hmac.compare_digest(
        (found or "").encode("utf-8", "surrogatepass"), wanted.encode()
    )


def hmac_sha256(key: str | bytes, data: bytes) -> bytes:
    """HMAC-SHA256; a text key counts as UTF-8."""
    raw = key.encode() if isinstance(key, str) else key
    return hmac.new(raw, data, hashlib.sha256).digest()


def base64_hmac(key: str | bytes, data: bytes) -> str:
    """The same in base64."""
    return base64.b64encode(hmac_sha256(key, data)).decode()


def sorted_sha1(*parts: str) -> str:
    """WeChat's signature: SHA-1 over the sorted parts."""
    joined = "".join(sorted(parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


def check_time(stamp: str | None, now_s: float, skew_s: float, unit: int = 1) -> None:
    """
    Refuse a time stamp (seconds times *unit*) too far from *now_s*.

    Raises:
        HookRefused: If it is too old, from the future, or no number.
    """
    if stamp is None or not stamp.isascii() or not _SECONDS(stamp):
        raise HookRefused("no time stamp")
    if abs(int(stamp) / unit - now_s) > skew_s:
        raise HookRefused("time stamp out of the window")


def decode_base64(text: str) -> bytes:
    """
    Strict base64.

    Raises:
        HookRefused: If it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise HookRefused("not base64") from exc


def decrypt_cbc(key: bytes, iv: bytes, data: bytes, block: int) -> bytes:
    """
    AES-CBC with PKCS#7 padding to *block* bytes.

    Raises:
        HookRefused: If length or padding is wrong.
    """
    if not data or len(data) % _BLOCK:
        raise HookRefused("cipher text of a wrong length")
    cipher = Cipher(AES(key), CBC(iv)).decryptor()
    plain = cipher.update(data) + cipher.finalize()
    count = plain[-1]
    is_padded = 1 <= count <= block and plain.endswith(bytes([count]) * count)
    if not is_padded or count > len(plain):
        raise HookRefused("wrong padding")
    return plain[:-count]


def encrypt_cbc(key: bytes, iv: bytes, plain: bytes, block: int) -> bytes:
    """The reverse of :func:`decrypt_cbc`."""
    count = block - len(plain) % block
    cipher = Cipher(AES(key), CBC(iv)).encryptor()
    return cipher.update(plain + bytes([count]) * count) + cipher.finalize()


class WeChatEnvelope:
    """
    The encrypted envelope of WeChat and WeCom.

    Args:
        token: Signs the envelope.

        aes_key: The 43 characters of the console.

        receive_id: App id or corp id that must be inside; another one is refused.
    """

    def __init__(self, token: str, aes_key: str, receive_id: str) -> None:
        self._token = token
        self._key = base64.b64decode(aes_key + "=")
        self._receive_id = receive_id.encode()

    def signature(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """What ``msg_signature`` must be."""
        return sorted_sha1(self._token, timestamp, nonce, encrypted)

    def open(
        self, signature: str | None, timestamp: str, nonce: str, encrypted: str
    ) -> bytes:
        """
        The message inside.

        Raises:
            HookRefused: If signature, padding, length or receiver is wrong.
        """
        if not same(signature, self.signature(timestamp, nonce, encrypted)):
            raise HookRefused("wrong msg_signature")
        data = decode_base64(encrypted)
        plain = decrypt_cbc(self._key, self._key[:_BLOCK], data, _WECHAT_BLOCK)
        if len(plain) < _WECHAT_HEAD:
            raise HookRefused("envelope too short")
        (length,) = struct.unpack(">I", plain[_BLOCK:_WECHAT_HEAD])
        message = plain[_WECHAT_HEAD : _WECHAT_HEAD + length]
        receiver = plain[_WECHAT_HEAD + length :]
        if len(message) != length:
            raise HookRefused("envelope cut short")
        if not hmac.compare_digest(receiver, self._receive_id):
            raise HookRefused("for another account")
        return message

    def of_request(
        self, request: RawRequest, encrypted_of: Callable[[bytes], str]
    ) -> bytes:
        """
        The message of a callback; in the handshake it is ``echostr``.

        Args:
            encrypted_of: Finds the envelope in a body.

        Raises:
            HookRefused: As :meth:`open`, and if there is no envelope.
        """
        query = request.query
        if request.method == "GET":
            encrypted = query.get("echostr", "")
        else:
            encrypted = encrypted_of(request.body)
        return self.open(
            query.get("msg_signature"),
            query.get("timestamp", ""),
            query.get("nonce", ""),
            encrypted,
        )

    def sealed_answer(self, request: RawRequest, message: bytes) -> tuple[str, ...]:
        """
        *message* as the answer to *request*: cipher text, signature, time and nonce.

        Time and nonce are the request's own: an answer is checked, not remembered.
        """
        encrypted = self.seal(message)
        stamp = request.query.get("timestamp", "")
        nonce = request.query.get("nonce", "")
        return encrypted, self.signature(stamp, nonce, encrypted), stamp, nonce

    def seal(self, message: bytes) -> str:
        """Encrypt as the platform does."""
        head = os.urandom(_BLOCK) + struct.pack(">I", len(message))
        plain = head + message + self._receive_id
        sealed = encrypt_cbc(self._key, self._key[:_BLOCK], plain, _WECHAT_BLOCK)
        return base64.b64encode(sealed).decode()
