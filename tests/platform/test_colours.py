import pytest

from portal.platform.brand import colours

BRANDS = ["#5b3df5", "#ffd400", "#0a1a3f", "#e11d48", "#777777", "#000000", "#ffffff", "#767676", "#0b6b53"]


@pytest.mark.parametrize("brand", BRANDS)
def test_text_on_any_brand_colour_reaches_aa(brand: str) -> None:
    assert colours.contrast(colours.text_on(brand), brand) >= 4.5


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("surface", [colours.LIGHT_SURFACE, colours.DARK_SURFACE])
def test_any_brand_colour_has_a_shade_that_reads_as_text(brand: str, surface: str) -> None:
    assert colours.contrast(colours.readable_on(brand, surface), surface) >= 4.5


@pytest.mark.parametrize("tier", colours.TIER_COLOURS.values())
def test_text_on_a_tier_card_reads_at_both_ends_of_its_gradient(tier: str) -> None:
    ink = colours.text_on(tier)
    shade = colours.mix(tier, colours.text_on(ink), 0.22)
    assert colours.contrast(ink, tier) >= 4.5
    assert colours.contrast(ink, shade) >= colours.contrast(ink, tier)


def test_a_colour_that_reads_already_stays_as_it_is() -> None:
    assert colours.readable_on("#5b3df5", colours.LIGHT_SURFACE) == "#5b3df5"


def test_short_hex_colours_are_understood() -> None:
    assert colours.mix("#fff", "#000", 0.5) == "#808080"


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("surface", [colours.LIGHT_SURFACE, colours.DARK_SURFACE])
def test_what_is_filled_with_any_brand_colour_has_an_edge_that_is_seen(brand: str, surface: str) -> None:
    assert colours.contrast(colours.edge_on(brand, surface), surface) >= 3
    assert colours.edge_on("#5b3df5", colours.LIGHT_SURFACE) == "#5b3df5"
