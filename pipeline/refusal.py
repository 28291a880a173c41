"""What does not load, or what the audit refuses: marked in its manifest, so that the next extract writes it anew.

An object that was written wrong agrees with its manifest, which was made from it, and claims the source's fingerprint:
an extract would keep it as what an interrupted run left, and every audit after that refuse it again. Publishing it may
still be tried: the fault may have been in the loading.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date

from pipeline.errors import DataError, TillrollError
from pipeline.extract import read_manifest
from pipeline.fingerprint import Partition
from pipeline.lake.base import Lake
from pipeline.manifest import LakeObject, manifest_path, manifest_text

logger = logging.getLogger(__name__)


@contextmanager
def refused_with(lake: Lake, objects: Iterable[LakeObject]) -> Iterator[None]:
    """Should the context end with an error of the data, these objects are refused."""
    try:
        yield
    except DataError:
        mark_refused(lake, objects)
        raise


def mark_refused(lake: Lake, objects: Iterable[LakeObject]) -> None:
    """Say of objects that they were refused. A lake that takes no mark is only logged."""
    folders: dict[date, set[Partition]] = {}
    for found in objects:
        folders.setdefault(found.day or found.run_day, set()).add(found.partition)
    for folder, partitions in folders.items():
        try:
            _mark(lake, folder, partitions)
        except TillrollError as error:
            logger.warning("the refused objects of %s are not marked: %s", folder, error.message)


def _mark(lake: Lake, folder: date, partitions: Collection[Partition]) -> None:
    manifest = read_manifest(lake, folder)
    if manifest is None:
        return
    objects = {
        name: found.model_copy(update={"refused": True}) if found.partition in partitions else found
        for name, found in manifest.objects.items()
    }
    lake.write(manifest_path(folder), manifest_text(manifest.model_copy(update={"objects": objects})))
