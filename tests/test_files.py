"""A file is written whole or not at all, and text is made fit to be shown."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen import files, text


def test_a_file_is_written_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    files.write(path, [b"one ", b"two"])
    assert path.read_bytes() == b"one two"
    assert [*path.parent.iterdir()] == [path]


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    former = os.umask(0o027)
    try:
        files.write(tmp_path / "file", [b"new"])
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_links_and_modes_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "there" / "file", tmp_path / "link"
    path.parent.mkdir()
    path.write_bytes(b"former")
    path.chmod(0o604)
    link.symlink_to(path)
    files.write(link, [b"new"])
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_goes_wrong_leaves_the_former_file(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(b"former")

    def fail() -> None:
        with files.replacing(path) as new:
            assert new.suffix == ".txt"
            new.write_bytes(b"half of")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"former"
    assert [*tmp_path.iterdir()] == [path]


def test_a_process_that_is_killed_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"former")
    program = (
        "import os, sys; from pathlib import Path; from midigen import files\n"
        "with files.replacing(Path(sys.argv[1])) as new:\n"
        "    new.write_bytes(b'half of'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=30)
    assert path.read_bytes() == b"former"
    files.write(path, [b"new"])
    assert path.read_bytes() == b"new"


def test_what_is_on_the_way_is_not_followed(tmp_path: Path) -> None:
    """Where others may write, a link of theirs could lead anywhere."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (tmp_path / f".{os.getpid()}-file").symlink_to(precious)
    files.write(tmp_path / "file", [b"new"])
    assert precious.read_bytes() == b"precious"


def test_what_is_no_file_is_written_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    files.write(pipe, [b"through it"])
    assert os.read(reader, 100) == b"through it"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [*tmp_path.iterdir()] == [pipe]


def test_it_is_proved_that_a_file_can_be_written(tmp_path: Path) -> None:
    files.prove(tmp_path / "file")
    assert [*tmp_path.iterdir()] == []
    (tmp_path / "plain").touch()
    for write in (files.prove, lambda path: files.write(path, [b"new"])):
        with pytest.raises(NotADirectoryError):
            write(tmp_path / "plain" / "file")


@given(st.text(st.characters()))
def test_nothing_in_text_moves_the_cursor(foreign: str) -> None:
    assert text.printable(foreign).isprintable()
    assert len(text.printable(foreign)) == len(foreign)
    assert text.printable(foreign, text.escape).isprintable()
    if foreign.isprintable():
        assert text.printable(foreign) == foreign


def test_what_stands_for_it_can_be_chosen() -> None:
    assert text.printable("a\x1b[2Jb") == "a?[2Jb"
    assert text.printable("a\nb", " ") == "a b"
    assert text.printable("a\x7f\U000e0001", text.escape) == r"a\U0000007f\U000e0001"
