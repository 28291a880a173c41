"""What Google's services say when something goes wrong, as errors that name the thing and carry the remedy.

What may hold a row's value, a token or an upload's address is left out of every text, and of the chain of exceptions.
"""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    GoogleAPICallError,
    NotFound,
    PreconditionFailed,
    RetryError,
    Unauthorized,
    from_http_response,
)
from google.api_core.retry import Retry
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError, TransportError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from pipeline.errors import ConfigurationError, StepError, TillrollError, TransientError
from pipeline.google_resources import Resource

RETRY_FOR_S = 120
_LONGEST = 300

_RATE_REASONS = {"rateLimitExceeded", "userRateLimitExceeded", "jobRateLimitExceeded", "quotaExceeded"}
_BILLING_REASONS = {"billingNotEnabled", "accountDisabled", "userProjectAccountProblem"}
_DISABLED_REASONS = {"accessNotConfigured", "SERVICE_DISABLED"}
_CONNECTION = (
    ConnectionError,
    TimeoutError,
    http.client.HTTPException,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
)
_GOOGLE = (GoogleAPICallError, RetryError, GoogleAuthError, InvalidResponse, DataCorruption, *_CONNECTION)

_AGAIN = "Run the step again; nothing was published."
_SIGN_IN = (
    "Sign in again: put a new key into config/key.json or the file of TILLROLL_GOOGLE_CREDENTIALS, or run `gcloud auth "
    "application-default login`; and see that this machine's clock is right."
)


@contextmanager
def explained(resource: Resource) -> Iterator[None]:
    """Turn what Google's clients raise while they use `resource` into errors that name it and the remedy."""
    try:
        yield
    except _GOOGLE as error:
        raise translated(error, resource) from None


def translated(error: Exception, resource: Resource) -> TillrollError:
    """One exception of Google's clients, as an error of ours."""
    if isinstance(error, InvalidResponse | GoogleAPICallError):
        return _refused(_answer(error), resource)
    if isinstance(error, RefreshError) and not error.retryable:
        return ConfigurationError(f"Google does not accept the credentials: {_first(error)}", _SIGN_IN)
    if isinstance(error, DefaultCredentialsError):
        return ConfigurationError("this machine has no Google credentials", _SIGN_IN)
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError | RefreshError):
        return ConfigurationError(f"Google's sign-in failed: {type(error).__name__}", _SIGN_IN)
    if isinstance(error, DataCorruption):
        return _damaged(resource)
    if isinstance(error, RetryError) and isinstance(error.cause, Exception):
        return translated(error.cause, resource)
    return TransientError(
        f"no answer from Google for {resource.name}: {type(error).__name__}",
        f"Check the network of this machine. {_AGAIN}",
    )


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, InvalidResponse | GoogleAPICallError):
        return _is_away(_answer(error))
    if isinstance(error, RefreshError):
        return bool(error.retryable)
    return isinstance(error, (TransportError, *_CONNECTION))


RETRY = Retry(predicate=is_transient, initial=0.5, maximum=15, multiplier=2, timeout=RETRY_FOR_S)
"""How often a request is repeated: for two minutes. Give it only to requests that may arrive twice."""


def sentence(error: GoogleAPICallError) -> str:
    """Google's own words, without addresses, and without what may be a row's value."""
    text = str(_details(error).get("message") or error.message)
    text = re.sub(r"(?:[A-Z]+ )?https?://\S+:? ?", "", " ".join(text.split()))
    if isinstance(error, BadRequest):
        text = re.sub(r"'[^']*'|\"[^\"]*\"|(?<=[Vv]alue: ).*", "…", text)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def reasons(error: GoogleAPICallError) -> set[str]:
    """Google's names of what went wrong, such as `accessDenied`."""
    listed = {str(entry.get("reason")) for entry in error.errors or () if isinstance(entry, dict)}
    return listed | ({str(error.reason)} if error.reason else set())


def _refused(error: GoogleAPICallError, resource: Resource) -> TillrollError:
    said = sentence(error)
    match error:
        case _ if _is_too_dear(error):
            return ConfigurationError(f"BigQuery refuses a query for its cost: {said}", _COST)
        case _ if reasons(error) & _RATE_REASONS:
            return TransientError(f"Google's quota for {resource.name} is used up: {said}", _QUOTA)
        case _ if _is_away(error):
            return TransientError(f"Google cannot serve {resource.name} now ({error.code}): {said}", _AGAIN)
        case NotFound():
            return _missing(said, resource)
        case Forbidden():
            return _forbidden(error, said, resource)
        case Unauthorized():
            return ConfigurationError(f"Google does not accept the credentials for {resource.name}: {said}", _SIGN_IN)
        case PreconditionFailed() | Conflict():
            return TransientError(f"{resource.name} was changed by another writer meanwhile", _AGAIN)
    return _bad(error, said, resource)


def _bad(error: GoogleAPICallError, said: str, resource: Resource) -> TillrollError:
    if re.search(r"CRC32C|MD5|[Cc]hecksum", said):
        return _damaged(resource)
    if "different locations" in said or "in location" in said:
        return ConfigurationError(f"{resource.name} is in another location: {said}", _LOCATION)
    return StepError(
        f"Google refuses a request for {resource.name} ({error.code}): {said}", "Repair what it names; run it again."
    )


def _missing(said: str, resource: Resource) -> TillrollError:
    if said.startswith("No such object"):
        return TransientError(f"an object in {resource.name} was removed by another writer meanwhile", _AGAIN)
    if said.startswith("Not found: Table"):
        return StepError(f"a table in {resource.name} is gone: {said}", _AGAIN)
    return ConfigurationError(f"there is no {resource.name}: {said}", resource.when_missing)


def _damaged(resource: Resource) -> TransientError:
    return TransientError(f"bytes were damaged on their way to or from {resource.name}", _AGAIN)


def _forbidden(error: GoogleAPICallError, said: str, resource: Resource) -> ConfigurationError:
    if reasons(error) & _BILLING_REASONS:
        return ConfigurationError(f"no billing account pays for {resource.name}: {said}", "Link one to its project.")
    if reasons(error) & _DISABLED_REASONS:
        return ConfigurationError(f"the service of {resource.name} is switched off: {said}", _ENABLE)
    return ConfigurationError(f"no permission for {resource.name}: {said}", resource.when_refused)


_COST = "Raise TILLROLL_MAXIMUM_BYTES_BILLED, or find out why the query reads so much."
_QUOTA = "Wait, and run the step again; nothing was published. If it comes back, ask Google for a higher quota."
_ENABLE = "Switch it on: `gcloud services enable storage.googleapis.com bigquery.googleapis.com`."
_LOCATION = (
    "Bucket, datasets and TILLROLL_WAREHOUSE_URL must name one location. It cannot be changed where it is: make a new "
    "bucket or dataset, or correct the URL."
)


def _is_away(error: GoogleAPICallError) -> bool:
    if reasons(error) & _RATE_REASONS or error.code in (408, 429):
        return True
    return (error.code or 0) >= 500 and error.code != 501 and not _is_too_dear(error)


def _is_too_dear(error: GoogleAPICallError) -> bool:
    """Over TILLROLL_MAXIMUM_BYTES_BILLED. Google's client makes it an error 500."""
    return "bytesBilledLimitExceeded" in reasons(error) or "bytes billed" in error.message


def _answer(error: InvalidResponse | GoogleAPICallError) -> GoogleAPICallError:
    """The error as the service's own answer tells it: the clients for uploads and downloads do not read that."""
    if isinstance(error, GoogleAPICallError) and (error.errors or not isinstance(error.response, requests.Response)):
        return error
    answer: GoogleAPICallError = from_http_response(error.response)  # type: ignore[no-untyped-call]
    return answer


def _details(error: GoogleAPICallError) -> dict[str, object]:
    first = error.errors[0] if error.errors else None
    return first if isinstance(first, dict) else {}


def _first(error: Exception) -> str:
    """What kind of refusal it is; what else the error carries can be the token service's whole answer."""
    text = str(error.args[0]) if error.args else type(error).__name__
    return text.partition("\n")[0][:_LONGEST]
