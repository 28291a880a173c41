"""Where the storage emulator keeps the objects that BigQuery's emulator reads: files below one folder.

gcp-storage-emulator writes an object into a file of its name, so the object `a` and the object `a/b` exclude each
other. Cloud Storage's names are flat.
"""

import fnmatch
import re
from pathlib import Path


def paths(root: Path, uri: str) -> list[Path]:
    """The files of the objects that a `gs://` URI names, of which `*` stands for any characters."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if "*" not in name:
        path = root / bucket / name
        return [path] if path.is_file() else []
    wanted = re.compile(fnmatch.translate(name))
    folder = root / bucket
    return sorted(path for path in folder.rglob("*") if path.is_file() and wanted.match(str(path.relative_to(folder))))
