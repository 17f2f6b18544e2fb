"""What the tests of `midigen.learning` share."""

from pathlib import Path

import pytest


@pytest.fixture
def mid(tmp_path: Path) -> Path:
    return tmp_path / "a.mid"
