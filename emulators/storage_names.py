"""Where the storage emulator keeps the objects that BigQuery's emulator reads: a file for each, below one folder.

gcp-storage-emulator makes folders of the slashes in an object's name, so that the object `a` and the object `a/b`
exclude each other. Cloud Storage's names are flat: here each is one file, of a name without slashes.
"""

import fnmatch
import hashlib
import re
from pathlib import Path
from urllib.parse import quote, unquote

LONGEST = 200


def correct() -> None:
    """Put the corrections in place; before the emulator starts."""
    from gcp_storage_emulator.storage import Storage

    Storage._object_path = lambda kept, bucket, name: f"{bucket}/{file_name(name)}"


def file_name(name: str) -> str:
    """The file of an object; names that are too long for a file are not found by `*`."""
    quoted = quote(name, safe="")
    return quoted if len(quoted) <= LONGEST else hashlib.sha256(name.encode()).hexdigest()


def paths(root: Path, uri: str) -> list[Path]:
    """The files of the objects that a `gs://` URI names, of which `*` stands for any characters."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    folder = root / bucket
    if "*" not in name:
        path = folder / file_name(name)
        return [path] if path.is_file() else []
    wanted = re.compile(fnmatch.translate(name))
    return sorted(path for path in folder.glob("*") if path.is_file() and wanted.match(unquote(path.name)))
