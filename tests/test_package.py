"""The wheel, outside the checkout: models and the commented configuration travel in it."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.docs import PAGES
from tests.players import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    options = ["--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([*pip_wheel, *options], check=True, timeout=120)
    (wheel,) = folder.glob("midigen-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(installed: Path) -> None:
    files = {path.relative_to(installed).as_posix() for path in installed.rglob("*.*")}
    outside = {name for name in files if not name.startswith(("midigen/", "midigen-"))}
    assert not outside
    assert {
        "midigen/models/notebook.onnx",
        "midigen/models/songs.onnx",
        "midigen/config.toml",
        "midigen/py.typed",
        "midigen/app/cli.py",
    } <= files
    packaged = (installed / "midigen" / "config.toml").read_bytes()
    assert packaged == (ROOT / "config.toml").read_bytes()


def test_the_source_distribution_has_the_pages(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "sdist"]
    subprocess.run([*build, "--directory", tmp_path], cwd=ROOT, check=True, timeout=120)
    (archive,) = tmp_path.glob("midigen-*.tar.gz")
    with tarfile.open(archive) as files:
        names = {name.partition("/")[2] for name in files.getnames()}
    assert {page.relative_to(ROOT).as_posix() for page in PAGES} <= names
    assert "docs/calm.png" in names


def test_it_plays_from_there(installed: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", "import midigen, sys; from midigen.app.cli import main; "
         "print(midigen.__file__); "
         "sys.exit(main(['predict', '--model', 'notebook', 'C', 'D', 'E']))"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )  # fmt: skip
    assert result.stdout.startswith(str(installed))
    assert result.stdout.endswith("predicted F\n")
