"""Colour arithmetic for the programme's brand: any colour a shop picks stays readable (WCAG 2.2 AA)."""

from colorsys import hls_to_rgb, rgb_to_hls

from flask import Flask

BLACK, WHITE = "#000000", "#ffffff"
LIGHT_SURFACE, DARK_SURFACE = "#f1efe9", "#262a31"
AA_TEXT = 5.0  # AA asks for 4.5; a tint behind the text costs a little contrast
AA_PART = 3.0  # what AA asks for the parts of a control
_STEPS = 50
TIER_COLOURS = {
    "bronze": "#8f5226",
    "silver": "#c9d0d9",
    "gold": "#e8b84a",
    "platinum": "#2b3440",
    "diamond": "#2347a8",
    "emerald": "#0d6b4f",
    "ruby": "#9b1c3d",
}  # by slug; a tier with another slug has the brand colour


def _channels(colour: str) -> tuple[int, int, int]:
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def luminance(colour: str) -> float:
    """Relative luminance of a `#rrggbb` colour, 0 (black) to 1 (white)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (n / 255 for n in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_on(background: str) -> str:
    """Black or white, whichever reads better on `background`; one of them always reaches AA."""
    return max(WHITE, BLACK, key=lambda ink: contrast(ink, background))


def mix(colour: str, other: str, share: float) -> str:
    """`colour` mixed with `share` (0 to 1) of `other`."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def readable_on(colour: str, surface: str) -> str:
    """The nearest shade of `colour`, equally saturated, that is readable as text on `surface` (AA with a margin)."""
    hue, lightness, saturation = rgb_to_hls(*(channel / 255 for channel in _channels(colour)))
    goal = 1.0 if text_on(surface) == WHITE else 0.0
    for step in range(_STEPS + 1):
        shade = hls_to_rgb(hue, lightness + (goal - lightness) * step / _STEPS, saturation)
        shown = "#" + "".join(f"{round(channel * 255):02x}" for channel in shade)
        if contrast(shown, surface) >= AA_TEXT:
            return shown
    return text_on(surface)


def edge_on(colour: str, surface: str) -> str:
    """The outline of an area of `colour` on `surface`: `colour` itself if it stands out (AA), else its text shade."""
    return colour if contrast(colour, surface) >= AA_PART else readable_on(colour, surface)


def init_app(app: Flask) -> None:
    """Give templates the functions above as filters, and the colours of surfaces and tiers."""
    app.jinja_env.filters.update(text_on=text_on, readable_on=readable_on, edge_on=edge_on, mix=mix)
    app.jinja_env.globals.update(light_surface=LIGHT_SURFACE, dark_surface=DARK_SURFACE, tier_colours=TIER_COLOURS)
