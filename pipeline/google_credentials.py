"""Credentials for Google Cloud: none at all, those of a file, or those of the machine.

A file holds a service account's key, or says how another system's identity is exchanged for Google's (workload identity
federation, impersonation). What is wrong with a file is said without its content. Nothing is asked of Google here: that
a key was revoked shows with the first request.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import google.auth
from google.auth import aws, identity_pool, impersonated_credentials, pluggable
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from pipeline.errors import ConfigurationError
from pipeline.settings import Settings

# What makes credentials of a file's content.
Loader = Callable[..., Any]

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_AWS_TOKEN = "urn:ietf:params:aws:token-type:aws4_request"  # noqa: S105
_WAYS = (
    "Put a service account's key into config/key.json, name a file with TILLROLL_GOOGLE_CREDENTIALS, or sign in on "
    "this machine with `gcloud auth application-default login`."
)


def credentials_of(settings: Settings) -> Credentials:
    """The credentials that the settings name.

    Raises:
        ConfigurationError: the file is missing or is no such file, or the machine has no credentials.
    """
    if settings.google_anonymous:
        return AnonymousCredentials()  # type: ignore[no-untyped-call]
    return _from_file(settings.google_key) if settings.google_key else _from_machine()


def _from_machine() -> Credentials:
    try:
        credentials: Credentials = google.auth.default(scopes=SCOPES)[0]
    except DefaultCredentialsError:
        raise ConfigurationError(
            "this machine has no Google credentials (application default credentials), and no file names others", _WAYS
        ) from None
    return credentials


def _from_file(path: Path) -> Credentials:
    info = _read(path)
    kind = str(info.get("type"))
    if kind not in _KINDS:
        raise ConfigurationError(f"{path} has no Google credentials: its type is none of {', '.join(_KINDS)}", _WAYS)
    try:
        credentials: Credentials = _KINDS[kind](info, scopes=SCOPES)
    except (ValueError, TypeError, KeyError, AttributeError, GoogleAuthError):
        # Neither the text nor the cause: they can quote the file.
        raise ConfigurationError(
            f"{path} is a broken file of Google credentials of the type {kind}",
            "Download it again, whole, as Google Cloud gave it out: nothing in it is for editing.",
        ) from None
    return credentials


def _read(path: Path) -> dict[str, Any]:
    try:
        info = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read Google credentials from {path}: {error.strerror}", _WAYS) from None
    except ValueError:
        info = None
    if not isinstance(info, dict):
        raise ConfigurationError(f"{path} has no Google credentials: it is no JSON object", _WAYS)
    return info


def _external_account(info: Mapping[str, Any], scopes: Sequence[str]) -> Any:
    """Workload identity federation: by AWS, by a program's output, else by a file, a URL or a certificate."""
    if info.get("subject_token_type") == _AWS_TOKEN:
        load: Loader = aws.Credentials.from_info
    elif "executable" in info["credential_source"]:
        load = pluggable.Credentials.from_info
    else:
        load = identity_pool.Credentials.from_info
    return load(info, scopes=scopes)


_KINDS: Mapping[str, Loader] = {
    "service_account": service_account.Credentials.from_service_account_info,
    "external_account": _external_account,
    "impersonated_service_account": impersonated_credentials.Credentials.from_impersonated_service_account_info,
    "authorized_user": user_credentials.Credentials.from_authorized_user_info,
}
