from pathlib import Path

import pytest

from portal.platform.brand.icons import read_shapes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    icons = tmp_path / "icons"
    icons.mkdir()
    (tmp_path / "secret.svg").write_text("<svg>secret</svg>")
    (icons / "gift.svg").write_text('<svg\n  class="x"\n>\n  <path d="M3 9" />\n</svg>')
    (icons / "star.svg").write_text("<svg><path d='M1 1' /></svg>")
    return icons


def test_an_icon_gives_its_shapes_without_their_frame(folder: Path) -> None:
    assert read_shapes(folder, "star") == "<path d='M1 1' />"


@pytest.mark.parametrize("name", ["nothing-like-it", "../secret", "", "Star", "a/b"])
def test_a_name_that_is_no_icon_shows_a_gift(folder: Path, name: str) -> None:
    assert read_shapes(folder, name) == '<path d="M3 9" />'


def test_without_installed_icons_pages_still_render(tmp_path: Path) -> None:
    assert read_shapes(tmp_path, "star") == ""
