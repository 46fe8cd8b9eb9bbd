"""One accent colour of the application → colours that can be read, in light and dark. Pure."""

import re
from dataclasses import dataclass

_HEX = re.compile(r"#?([0-9a-fA-F]{6})").fullmatch
_READABLE = 4.6
"""WCAG 2.2 asks for 4.5; the rest is for rounding."""
_STEPS = 50
Rgb = tuple[float, float, float]
WHITE, BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Scheme:
    """The accent on one ground: as text, the text on it, and a tint for surfaces."""

    accent: str
    on_accent: str
    tint: str


@dataclass(frozen=True, slots=True)
class Theme:
    """The accent in light and dark."""

    light: Scheme
    dark: Scheme


def theme(accent: str) -> Theme:
    """Return what becomes of a colour like `#2454c4`. Raises ValueError for anything else."""
    found = _HEX(accent)
    if not found:
        raise ValueError("a colour looks like #2454c4")
    digits = found[1]
    colour = (int(digits[0:2], 16) / 255, int(digits[2:4], 16) / 255, int(digits[4:6], 16) / 255)
    return Theme(
        _scheme(colour, ground=_rgb(0xFB, 0xFB, 0xFA), toward=BLACK, tint=0.08),
        _scheme(colour, ground=_rgb(0x1B, 0x1D, 0x20), toward=WHITE, tint=0.2),
    )


def _rgb(red: int, green: int, blue: int) -> Rgb:
    return red / 255, green / 255, blue / 255


def _scheme(colour: Rgb, *, ground: Rgb, toward: Rgb, tint: float) -> Scheme:
    """Return the nearest colour that can be read on the ground and on its own tint."""
    for step in range(_STEPS + 1):
        accent = _mixed(colour, toward, step / _STEPS)
        surface = _mixed(ground, accent, tint)
        if min(contrast(accent, ground), contrast(accent, surface)) >= _READABLE:
            break
    on_accent = max((WHITE, (0.06, 0.08, 0.13)), key=lambda text: contrast(text, accent))
    return Scheme(_hex(accent), _hex(on_accent), _hex(surface))


def _mixed(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (
        a + (b - a) * share for a, b in zip(one, other, strict=True)
    )  # three in, three out
    return red, green, blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours (WCAG 2.2), from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # sRGB
        for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(colour: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour)


def stylesheet(found: Theme) -> str:
    """Return the custom properties that stand over those of the portal's own stylesheet."""
    pairs = zip(_properties(found.light), _properties(found.dark), strict=True)
    lines = [f"  --{name}: light-dark({light}, {dark});" for (name, light), (_, dark) in pairs]
    return "\n".join([":root {", *lines, "}", ""])


def _properties(scheme: Scheme) -> list[tuple[str, str]]:
    return [
        ("accent", scheme.accent), ("on-accent", scheme.on_accent), ("tint", scheme.tint),
    ]  # fmt: skip
