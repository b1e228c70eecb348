"""The documentation is served as it lies in the repository, and every link in it leads somewhere."""

import re

import pytest
from flask.testing import FlaskClient

from portal.platform.web.handbook import FOLDER, PAGES, list_pages, read_page


def test_every_file_is_a_page_and_every_page_a_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_shown_to_anybody_without_a_cookie(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/docs/{name}")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    title = (FOLDER / f"{name}.md").read_text().partition("\n")[0].removeprefix("# ")
    assert f">{title}</h1>" in answer.text
    assert answer.text.count("<h1") == 1


def test_the_address_without_a_name_leads_to_the_first_page(client: FlaskClient) -> None:
    assert client.get("/docs").location == f"/docs/{PAGES[0]}"


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e%2fREADME", "operating.md", "settings%00"])
def test_what_is_no_page_is_not_found(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404


def test_a_link_to_a_file_is_one_to_its_page() -> None:
    operating = read_page("operating")
    assert operating is not None
    assert "](settings.md)" in (FOLDER / "operating.md").read_text()
    assert 'href="settings"' in operating.content
    assert not any(".md" in link for page in list_pages() for link in re.findall(r'href="([^"]+)"', page.content))


def test_what_may_be_wide_scrolls_by_the_keyboard_too() -> None:
    for page in list_pages():
        assert page.content.count("<table>") == page.content.count('tabindex="0"><table>')
        assert page.content.count("<pre") == page.content.count('<pre tabindex="0">')


def test_links_within_the_documentation_lead_somewhere() -> None:
    anchors = {page.name: set(re.findall(r'id="([^"]+)"', page.content)) for page in list_pages()}
    for page in list_pages():
        for target in re.findall(r'href="([^"]+)"', page.content):
            if target.startswith("/api/"):
                continue
            name, _, anchor = target.removeprefix("/docs/").partition("#")
            assert anchor in {"", *anchors[name or page.name]}, f"{page.name}: {target}"
