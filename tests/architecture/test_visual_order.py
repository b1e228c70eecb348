"""What is seen is in the order of the document: nothing in a stylesheet or a template moves it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOVES = re.compile(
    r"(?<![\w-])order\s*:"  # CSS
    r"|(?:row|column|wrap)-reverse"
    r"|grid-auto-flow\s*:[^;]*dense"
    r"|\border-(?:(?:sm|md|lg|xl|xxl)-)?(?:\d|first|last)\b"  # Bootstrap's classes
    r"|tabindex=\"[1-9]"
    r"|\.style\.order\b"
)
FOLDERS = (("static/css", "*.css"), ("templates", "**/*.*"), ("static/js", "*.js"))


def moves(source: str) -> list[str]:
    """What in this source would show things in another order than the document's."""
    return MOVES.findall(source)


def test_no_source_shows_things_in_another_order_than_the_document() -> None:
    files = [path for folder, pattern in FOLDERS for path in (ROOT / folder).glob(pattern) if path.is_file()]

    found = {str(path.relative_to(ROOT)): moves(path.read_text(encoding="utf-8")) for path in files}

    assert len(found) > 100
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "source",
    [
        ".a { order: -1; }",
        ".a{order:2}",
        ".a { flex-direction: column-reverse; }",
        ".a { flex-flow: row-reverse wrap; }",
        ".a { flex-wrap: wrap-reverse; }",
        ".a { grid-auto-flow: row dense; }",
        '<div class="col order-2">',
        '<div class="order-md-last">',
        '<a tabindex="1">',
        "rail.style.order = 1;",
    ],
)
def test_each_way_of_moving_things_is_found(source: str) -> None:
    assert moves(source)


@pytest.mark.parametrize(
    "source", ["border: 0;", "--border-1: 0;", "{{ rewards|sort(reverse=true) }}", 'tabindex="-1"']
)
def test_what_moves_nothing_is_left_alone(source: str) -> None:
    assert not moves(source)
