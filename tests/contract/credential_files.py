"""Credential files as Google gives them out, for tests that sign in with them or break them."""

import json
from pathlib import Path
from typing import Any

ACCOUNT = "till@project.iam.gserviceaccount.com"
FEDERATION: dict[str, Any] = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
}
USER = {"type": "authorized_user", "client_id": "1", "client_secret": "s", "refresh_token": "r"}


def service_account_info(private_key: str, token_uri: str) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": ACCOUNT,
        "token_uri": token_uri,
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "credentials.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path
