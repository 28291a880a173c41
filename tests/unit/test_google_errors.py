"""Google's errors: each becomes one that names the thing and the remedy, and shows neither rows nor secrets.

The answers are the services' own, as their documentation and their users' reports show them.
"""

import json
from typing import Any

import pytest
import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError, from_http_response
from google.api_core.retry import Retry
from google.auth.exceptions import DefaultCredentialsError, MalformedError, RefreshError, TransportError
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from pipeline.errors import ConfigurationError, StepError, TillrollError, TransientError
from pipeline.google_errors import RETRY, RETRY_FOR_S, explained, is_transient
from pipeline.google_resources import Resource, bucket, dataset, project

BUCKET = bucket("shop-lake")
SECRET = "AbCdEf-secret"  # noqa: S105
URL = f"https://storage.googleapis.com/upload/storage/v1/b/shop-lake/o?upload_id={SECRET}"


def response(code: int, body: Any) -> requests.Response:
    answer = requests.Response()
    answer.status_code = code
    answer.headers["Content-Type"] = "application/json"
    answer._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer.request = requests.Request("POST", URL).prepare()
    return answer


def refusal(code: int, reason: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


def api_error(code: int, reason: str, message: str) -> GoogleAPICallError:
    error: GoogleAPICallError = from_http_response(response(code, refusal(code, reason, message)))
    return error


def told(error: Exception, resource: Resource = BUCKET) -> TillrollError:
    with pytest.raises(TillrollError) as raised, explained(resource):
        raise error
    return raised.value


@pytest.mark.parametrize(
    ("code", "reason", "message", "kind", "words", "remedy"),
    [
        (
            404,
            "notFound",
            "The specified bucket does not exist.",
            ConfigurationError,
            "no bucket gs://shop-lake",
            "buckets create gs://shop-lake",
        ),
        (
            404,
            "notFound",
            "Not found: Table p:staging_audit.review_1 was not found in location EU",
            StepError,
            "a table in bucket gs://shop-lake is gone",
            "Run the step again",
        ),
        (
            403,
            "forbidden",
            "till@p.iam does not have storage.objects.create access.",
            ConfigurationError,
            "till@p.iam does not have storage.objects.create",
            "roles/storage.objectUser",
        ),
        (
            403,
            "accessNotConfigured",
            "Cloud Storage API has not been used.",
            ConfigurationError,
            "switched off",
            "gcloud services enable",
        ),
        (403, "billingNotEnabled", "The project has no billing.", ConfigurationError, "billing", "Link"),
        (
            403,
            "rateLimitExceeded",
            "Exceeded rate limits: too many table update operations",
            TransientError,
            "quota",
            "Wait",
        ),
        (401, "authError", "Invalid Credentials", ConfigurationError, "credentials", "Sign in again"),
        (
            412,
            "conditionNotMet",
            "At least one of the pre-conditions did not hold.",
            TransientError,
            "another writer",
            "again",
        ),
        (409, "conflict", "The metadata changed.", TransientError, "another writer", "again"),
        (429, "rateLimitExceeded", "The object exceeded the rate limit.", TransientError, "quota", "Wait"),
        (500, "backendError", "Backend error", TransientError, "cannot serve", "again"),
        (503, "backendError", "We encountered an internal error.", TransientError, "cannot serve", "again"),
        (
            500,
            "bytesBilledLimitExceeded",
            "Query exceeded limit for bytes billed: 1. 2 or higher required.",
            ConfigurationError,
            "cost",
            "TILLROLL_MAXIMUM_BYTES_BILLED",
        ),
        (
            400,
            "invalid",
            "Cannot read and write in different locations: source: US, destination: EU",
            ConfigurationError,
            "source: US, destination: EU",
            "one location",
        ),
        (
            400,
            "invalid",
            'Provided CRC32C "a" doesn\'t match calculated CRC32C "b".',
            TransientError,
            "damaged",
            "again",
        ),
        (400, "invalid", "Invalid bucket name", StepError, "Invalid bucket name", "Repair"),
    ],
)
def test_a_refusal_names_the_thing_and_the_remedy(
    code: int, reason: str, message: str, kind: type[TillrollError], words: str, remedy: str
) -> None:
    error = told(api_error(code, reason, message))

    assert type(error) is kind
    assert words in error.message
    assert remedy in error.remedy


def test_an_upload_that_is_refused_says_what_the_service_answered() -> None:
    """The clients for uploads and downloads put the answer's body, and the upload's address, into their text."""
    message = "till@p.iam does not have storage.objects.create access."

    error = told(InvalidResponse(response(403, refusal(403, "forbidden", message)), "Request failed with status code"))

    assert isinstance(error, ConfigurationError)
    assert message in error.message
    assert "storage.objectUser" in error.remedy


@pytest.mark.parametrize(
    "message",
    [
        "Error while reading data, error message: Could not parse 'Ada Lovelace' as INT64 for field age",
        'Invalid timestamp: "Ada Lovelace"',
        "Bad int64 value: Ada Lovelace",
    ],
)
def test_a_rows_value_is_not_shown(message: str) -> None:
    assert "Lovelace" not in str(told(api_error(400, "invalidQuery", message)))


@pytest.mark.parametrize(
    "error",
    [
        InvalidResponse(response(503, b"busy"), f"POST {URL}"),
        from_http_response(response(403, b"forbidden")),
        requests.ConnectionError(f"HTTPSConnectionPool: Max retries exceeded with url: {URL}"),
        RefreshError("invalid_grant: Token has been expired or revoked.", {"access_token": SECRET}),
        TransportError(f"{URL} is away"),
        RetryError(f"{URL} took too long", cause=requests.Timeout(URL)),
        DataCorruption(response(200, b""), f"{URL} has another checksum"),
    ],
)
def test_a_secret_is_not_shown(error: Exception) -> None:
    raised = told(error)

    assert SECRET not in str(raised)
    assert raised.__suppress_context__


def test_a_page_instead_of_an_answer_is_cut_short() -> None:
    assert len(told(from_http_response(response(400, b"<html>" + b"x" * 10_000))).message) < 600


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RefreshError("invalid_grant: Token has been expired or revoked."), ConfigurationError),
        (RefreshError("internal_failure", retryable=True), TransientError),
        (TransportError("nobody answers"), TransientError),
        (DefaultCredentialsError("nothing found"), ConfigurationError),
        (MalformedError("no such key"), ConfigurationError),
        (requests.ConnectionError("refused"), TransientError),
        (requests.Timeout("slow"), TransientError),
        (ConnectionResetError("reset"), TransientError),
        (RetryError("too long", cause=api_error(503, "backendError", "busy")), TransientError),
        (RetryError("too long", cause=None), TransientError),
        (DataCorruption(response(200, b""), "checksum"), TransientError),
    ],
)
def test_credentials_and_connections_are_told_apart(error: Exception, kind: type[TillrollError]) -> None:
    assert type(told(error)) is kind


def test_expired_credentials_say_what_to_do() -> None:
    error = told(RefreshError("invalid_grant: Token has been expired or revoked."))

    assert "expired or revoked" in error.message
    assert "Sign in again" in error.remedy


def test_a_fault_of_our_own_stays_what_it_is() -> None:
    with pytest.raises(KeyError), explained(BUCKET):
        raise KeyError("a bug")


@pytest.mark.parametrize(
    ("resource", "missing", "refused"),
    [
        (project("shop"), "bigquery://project/location", "roles/bigquery.jobUser"),
        (dataset("shop", "core", "EU"), "bq --location=EU mk --dataset shop:core", "roles/bigquery.dataEditor"),
    ],
)
def test_bigquerys_things_have_remedies_of_their_own(resource: Resource, missing: str, refused: str) -> None:
    assert missing in told(api_error(404, "notFound", "Not found"), resource).remedy
    assert refused in told(api_error(403, "accessDenied", "Access Denied"), resource).remedy


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (api_error(503, "backendError", "busy"), True),
        (api_error(429, "rateLimitExceeded", "slower"), True),
        (api_error(403, "rateLimitExceeded", "slower"), True),
        (InvalidResponse(response(502, b""), "bad gateway"), True),
        (requests.ConnectionError("refused"), True),
        (RefreshError("internal_failure", retryable=True), True),
        (api_error(403, "accessDenied", "no"), False),
        (api_error(404, "notFound", "no"), False),
        (api_error(412, "conditionNotMet", "no"), False),
        (api_error(501, "notImplemented", "no"), False),
        (api_error(500, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 1"), False),
        (RefreshError("invalid_grant"), False),
        (KeyError("a bug"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool) -> None:
    calls = 0

    def request() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise error

    quick: Retry = RETRY.with_delay(initial=0.001, maximum=0.001)
    if again:
        quick(request)()
    else:
        with pytest.raises(type(error)):
            quick(request)()

    assert is_transient(error) is again
    assert calls == (2 if again else 1)


def test_trying_again_comes_to_an_end() -> None:
    assert RETRY.timeout == RETRY_FOR_S <= 120
