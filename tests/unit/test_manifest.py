"""Manifests: one that is not what was written there is never believed."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipeline.errors import CorruptObjectError
from pipeline.manifest import (
    Found,
    LakeObject,
    Manifest,
    Part,
    Run,
    manifest_path,
    manifest_text,
    object_path,
    parse_manifest,
)

DAY = date(2025, 1, 10)
PATH = manifest_path(DAY)
FOUND = Found(table="sale", day=DAY, rows=10, checksum=2**70, schema_id="abc")
MANIFEST = Manifest(code_version="1.0", day=DAY, objects={}, run=Run(sequence=17, found=(FOUND,), histories=("sale",)))


def test_a_manifest_is_read_as_it_was_written() -> None:
    read = parse_manifest(manifest_text(MANIFEST), PATH)

    assert (read.run, read.day, read.objects) == (MANIFEST.run, DAY, {})
    assert manifest_text(read) == manifest_text(MANIFEST)


def test_any_changed_letter_or_digit_is_seen() -> None:
    text = manifest_text(MANIFEST)
    places = [at for at, byte in enumerate(text) if chr(byte).isalnum()]

    for at in places:
        changed = text[:at] + (b"7" if text[at : at + 1] != b"7" else b"8") + text[at + 1 :]
        with pytest.raises(CorruptObjectError, match=r"2025-01-10/manifest\.json"):
            parse_manifest(changed, PATH)
    assert len(places) > 100


def test_a_manifest_of_another_day_is_refused() -> None:
    with pytest.raises(
        CorruptObjectError, match=r"2025-01-09/manifest\.json is not the manifest that was written there"
    ):
        parse_manifest(manifest_text(MANIFEST), manifest_path(date(2025, 1, 9)))


@pytest.mark.parametrize("path", ["source/csv/2025-01-09/sale.csv", "source/csv/2025-01-10/review.csv"])
def test_an_entry_that_names_the_file_of_another_is_refused(path: str) -> None:
    own = Part(path=object_path(DAY, "sale"), bytes=1, crc32c="00000000")
    entry = LakeObject(
        **FOUND.model_dump(),
        parts=(own,),
        longest_line=1,
        columns={},
        sequence=17,
        snapshot="1",
        extracted_at=datetime(2025, 1, 11, tzinfo=UTC),
        run_day=DAY,
    )
    assert parse_manifest(manifest_text(MANIFEST.model_copy(update={"objects": {"sale": entry}})), PATH)

    entry = entry.model_copy(update={"parts": (own.model_copy(update={"path": path}),)})
    with pytest.raises(CorruptObjectError, match="not the manifest that was written there"):
        parse_manifest(manifest_text(MANIFEST.model_copy(update={"objects": {"sale": entry}})), PATH)


def changed(**changes: Any) -> bytes:
    return json.dumps(json.loads(manifest_text(MANIFEST)) | changes).encode()


def test_a_manifest_of_the_first_format_has_no_checksum_and_is_read() -> None:
    assert parse_manifest(changed(format=1, crc32c=None), PATH).run == MANIFEST.run
    with pytest.raises(CorruptObjectError, match="not the manifest that was written"):
        parse_manifest(changed(crc32c=None), PATH)


def test_a_format_of_a_later_version_is_named() -> None:
    with pytest.raises(CorruptObjectError, match="has format 3"):
        parse_manifest(changed(format=3), PATH)
