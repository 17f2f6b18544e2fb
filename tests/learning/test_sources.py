"""Which MIDI files are found, and which song each belongs to."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from midigen.errors import MidiFileError
from midigen.learning.corpus import find_files, song_name


def touch(*paths: Path) -> list[Path]:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return list(paths)


def test_folders_are_searched_with_all_their_folders(tmp_path: Path) -> None:
    wanted = touch(
        *(
            tmp_path / name
            for name in (
                "a.mid",
                "B.MID",
                "c.midi",
                "x/y/z/d.Midi",
                "e.KAR",
                "f.rmi",
                "g.smf",
                "h.rmid",
            )
        )
    )
    touch(*(tmp_path / name for name in ("a.txt", "mid", "._a.mid", ".hidden/h.mid", "a.mid.bak")))
    assert sorted(find_files([tmp_path])) == sorted(wanted)


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    files = touch(tmp_path / "tune.seq")
    assert find_files(files) == files


def test_files_of_a_folder_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    names = ["a-0", "a-1", "a-2", "a-9", "a-10", "a-11", "b", "track 9", "track 10"]
    touch(*(tmp_path / f"{name}.mid" for name in sorted(names)))
    assert [path.stem for path in find_files([tmp_path])] == names


def test_a_file_that_is_named_twice_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = touch(tmp_path / "x" / "a.mid", tmp_path / "x" / "b.mid")
    monkeypatch.chdir(tmp_path)
    sources = [second, tmp_path / "x", tmp_path, Path("x"), Path("x/../x/a.mid")]
    assert find_files(sources) == [second, first]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    (file,) = touch(tmp_path / "elsewhere" / "a.mid")
    collection = tmp_path / "collection"
    collection.mkdir()
    (collection / "linked").symlink_to(file.parent)
    (file.parent / "back").symlink_to(collection)
    assert find_files([collection]) == [collection / "linked" / "a.mid"]


def test_a_source_without_midi_files_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name, reason in (("missing", "no such file or folder"), ("empty", "no MIDI files")):
        with pytest.raises(MidiFileError, match=reason) as caught:
            find_files([*touch(tmp_path / "a.mid"), tmp_path / name])
        assert str(caught.value).startswith(f"{tmp_path / name}: ")


@contextmanager
def without_root() -> Iterator[None]:
    """Become the user nobody for a while, since root may read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such permissions")
def test_a_folder_that_cannot_be_read_is_refused_by_name() -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        locked = top / "locked"
        locked.mkdir()
        top.chmod(0o755)
        locked.chmod(0)
        try:
            with without_root(), pytest.raises(MidiFileError, match="Permission denied") as caught:
                find_files([top])
        finally:
            locked.chmod(0o700)
        assert str(caught.value).startswith(f"{locked}: can't be read")


# --- names of songs


@pytest.mark.parametrize(
    ("name", "song"),
    [
        ("a-0", "a"),
        ("a-12", "a"),
        ("a", "a"),
        ("a-b", "a-b"),
        ("1-2-3", "1-2"),
        ("Op-7-x", "Op-7-x"),
        ("midigen-2026-05-01-203000", "midigen-2026-05-01"),
        ("midigen-2026-05-01-203000-2", "midigen-2026-05-01"),
        ("midigen-2026-05-01-210500-last-5-min", "midigen-2026-05-01"),
        ("midigen-2026-05-01-210500-last-5-min-2", "midigen-2026-05-01"),
        ("midigen-2026-05-01", "midigen-2026-05"),
    ],
)
def test_parts_have_the_name_of_their_song(name: str, song: str) -> None:
    assert song_name(Path(f"/x/{name}.mid")) == song
