"""What the servers were started with, settings and code, so that a later `up` can say what has changed since.

It is kept in the process manager's environment. A secret is in it as a salted hash: enough to see that it has changed.
"""

import hashlib
import secrets

from pydantic import SecretStr

from pipeline.settings import ROOT, Settings

CODE = tuple(ROOT / package for package in ("pipeline", "ingestion", "dashboard"))
SALT = "salt"


def described(settings: Settings, salt: str | None = None) -> dict[str, object]:
    """All settings but the data folder, as JSON has them, and the salt of the secrets: a new one unless given."""
    salt = salt or secrets.token_hex(16)
    plain = settings.model_dump(mode="json", exclude={"data_dir"})
    hidden = {name: _hashed(value, salt) for name, value in settings if isinstance(value, SecretStr)}
    return {SALT: salt, **plain, **hidden}


def changed_settings(before: dict[str, object], settings: Settings) -> list[str]:
    """Names of the variables whose settings are not what `described` said before."""
    now = described(settings, str(before.get(SALT, "")))
    return [f"TILLROLL_{name.upper()}" for name in now if name in before and now[name] != before[name]]


def code_id() -> str:
    """A hash of the code as it lies on disk: servers that run keep the code they began with."""
    digest = hashlib.sha256()
    for file in sorted(file for folder in CODE for file in folder.rglob("*.py")):
        digest.update(f"{file}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _hashed(secret: SecretStr, salt: str) -> str:
    """Slow on purpose: a short password could be guessed from a fast hash."""
    return hashlib.scrypt(secret.get_secret_value().encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=16).hex()
