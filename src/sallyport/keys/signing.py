"""The log's signer: Ed25519 (RFC 8032). Its seed lies in the key ring, wrapped by the root key."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sallyport.keys.keyring import KeyRing


class LogSigner:
    """Signs checkpoints and promises. `key_name` is the name in C2SP signed notes."""

    def __init__(self, key_name: str, seed: bytes) -> None:
        self.key_name = key_name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key_bytes = self._key.public_key().public_bytes_raw()  # 32 bytes

    def __repr__(self) -> str:
        """Never the seed."""
        return f"LogSigner({self.key_name})"

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(data)


async def load_or_create(keyring: KeyRing, name: str) -> LogSigner:
    """The signer of that name, made at its first use."""
    return LogSigner(name, await keyring.secret(f"signer/{name}"))
