"""Two writers of a lake in a bucket never mix their objects: one of them at most comes to its end."""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from bucket_lake import MANIFEST, OTHER, PATH
from emulated_cloud import EmulatedCloud
from lake_places import BucketPlace, put

from pipeline.errors import TransientError
from pipeline.lake.base import Lake
from pipeline.lake.gcs import GCSLake
from pipeline.manifest import Part

CHANGES: dict[str, Callable[[GCSLake], object]] = {
    "write": lambda lake: lake.write(PATH, b"mine"),
    "commit": lambda lake: put(lake, PATH, b"mine"),
    "delete": lambda lake: lake.delete(PATH),
    "read": lambda lake: lake.read(PATH),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("before", [b"before", None], ids=["there", "not there"])
def test_what_another_writer_put_there_meanwhile_stays(place: BucketPlace, change: str, before: bytes | None) -> None:
    if before:
        place.put(PATH, before)
    lake = place.open()
    lake.read(MANIFEST)
    place.put(PATH, b"theirs")

    if before is None and change in {"delete", "read"}:
        CHANGES[change](lake)  # to this step there is nothing
    else:
        with pytest.raises(TransientError, match=r"sale\.csv was replaced by another writer") as raised:
            CHANGES[change](lake)
        assert "Run the step again" in raised.value.remedy

    assert place.open().read(PATH) == b"theirs"


@pytest.mark.parametrize("change", ["write", "commit", "read"])
def test_what_another_writer_removed_meanwhile_stays_away(place: BucketPlace, change: str) -> None:
    place.put(PATH, b"before")
    lake = place.open()
    lake.read(MANIFEST)
    place.open().delete(PATH)

    with pytest.raises(TransientError, match=r"sale\.csv was replaced by another writer"):
        CHANGES[change](lake)

    assert place.open().read(PATH) is None


def test_a_lake_goes_on_from_what_it_wrote_itself(place: BucketPlace) -> None:
    lake = place.open()
    for content in (b"1", b"2"):
        lake.write(MANIFEST, content)
        part = put(lake, PATH, content)
        assert (lake.read(MANIFEST), lake.read(PATH), lake.matches(part)) == (content, content, True)
        lake.delete(PATH)
        assert lake.read(PATH) is None


def test_an_object_is_replaced_as_it_was_when_its_writing_began(place: BucketPlace) -> None:
    writer = place.open().create(PATH)
    place.put(PATH, b"theirs")
    writer.write(b"mine")
    writer.close()

    with pytest.raises(TransientError, match="another writer"):
        writer.commit()

    writer.abort()
    assert place.names() == {PATH}


class Extract:
    """One writer of a day, as `extract` is one: objects first, all of them complete; then their names; the manifest."""

    def __init__(self, place: BucketPlace, name: str, paths: Sequence[str]) -> None:
        self.lake, self.won, self.failed = place.open(), False, False
        before = Manifest.read(self.lake)
        writers = [self.lake.create(path) for path in paths]
        for writer in writers:
            writer.write(name.encode())
        self.manifest = Manifest(before.parts | {part.path: part for part in (writer.close() for writer in writers)})
        self.steps = [writer.commit for writer in writers] + [self._finish]

    def go_on(self) -> None:
        """The next step; none follow a failure."""
        step = self.steps.pop(0)
        try:
            if not self.failed:
                step()
        except TransientError:
            self.failed = True

    def _finish(self) -> None:
        self.lake.write(MANIFEST, json.dumps([part.model_dump() for part in self.manifest.parts.values()]).encode())
        self.won = True


@dataclass
class Manifest:
    """What makes a day exist."""

    parts: dict[str, Part]

    @classmethod
    def read(cls, lake: Lake) -> "Manifest":
        return cls({part["path"]: Part(**part) for part in json.loads(lake.read(MANIFEST) or b"[]")})

    def loads(self, lake: Lake) -> bool:
        """Whether publishing would take it."""
        return all(map(lake.matches, self.parts.values()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ours", "theirs", "there"),
    [
        pytest.param([PATH, OTHER], [PATH, OTHER], True, id="same objects"),
        pytest.param([PATH, OTHER], [OTHER, PATH], False, id="same objects of a new day, in another order"),
        pytest.param([PATH], [OTHER], True, id="other objects"),
        pytest.param([PATH, OTHER], [OTHER], False, id="some of the objects of a new day"),
    ],
)
def test_two_writers_never_mix_a_day(cloud: EmulatedCloud, ours: list[str], theirs: list[str], there: bool) -> None:
    """In every order of their steps, one of them at most comes to its end; what loads is one writer's whole day."""
    bucket, wins = cloud.bucket(), set()
    length = len(ours) + len(theirs) + 2
    for turns in itertools.combinations(range(length), len(ours) + 1):
        place = BucketPlace(cloud, bucket, "turns/" + "-".join(map(str, turns)))
        if there:
            run(Extract(place, "before", [PATH, OTHER]))
        we, they = Extract(place, "we", ours), Extract(place, "they", theirs)
        for turn in range(length):
            (we if turn in turns else they).go_on()
        wins.add((we.won, they.won))
        assert not (we.won and they.won)
        found = Manifest.read(place.open())
        for extract in (we, they):
            if extract.won:
                assert found == extract.manifest
        if found.loads(place.open()):
            contents = {path: place.open().read(path) for path in found.parts}
            assert contents in whole_days(ours, theirs, there=there)
        healed = run(Extract(place, "healed", [PATH, OTHER]))
        assert healed.won
        assert Manifest.read(place.open()).loads(place.open())

    assert {(True, False), (False, True)} <= wins


def run(extract: Extract) -> Extract:
    while extract.steps:
        extract.go_on()
    return extract


def whole_days(ours: list[str], theirs: list[str], *, there: bool) -> list[dict[str, bytes]]:
    """The days that one writer, or none, leaves behind."""
    before = dict.fromkeys([PATH, OTHER], b"before") if there else {}
    return [before, before | dict.fromkeys(ours, b"we"), before | dict.fromkeys(theirs, b"they")]
