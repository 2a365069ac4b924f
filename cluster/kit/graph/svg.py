"""A scene written down as SVG: the plot, the rails' names beside it, or both in one picture."""

from __future__ import annotations

from html import escape
from typing import Final

from cluster.kit.graph.layout import (
    WAITING_GAP,
    Bracket,
    Frame,
    PlacedTick,
    Scene,
    Trace,
    Words,
    headcode_y,
    number,
)
from cluster.kit.graph.rails import AXIS_Y, HEIGHT, NAMES, RAILS, SHARED, SHARED_Y, y_of
from cluster.storefront.events import Mark

NAMES_WIDTH: Final = 100  # pixels of the column of names
# Between the now line and the right edge.
NOW_MARGIN: Final = 44

SHAPES: Final = {
    Mark.IN_FLIGHT: '<circle r="5.5"/>',
    Mark.COMMITTED: '<circle r="5.75"/>',
    Mark.COMPENSATED: '<path d="M0-7.5 7.5 0 0 7.5-7.5 0z"/>',
    Mark.FAILED: '<path d="M-6.5-6.5h13v13h-13z"/><path class="cross" d="m-3-3 6 6m0-6-6 6"/>',
    Mark.UNKNOWN: '<circle r="6.5"/>',
}
TICK_SHAPES: Final = {
    # A delivery that changed nothing: short, and struck through.
    "deduplicated": '<path d="M0-8V8M-4.5 3.5 4.5-3.5"/>',
    "credentials": '<path d="M0 0V9"/>',
    "parked": '<path d="M-3-8H3M0-8V0"/>',
}


def plot(scene: Scene, frame: Frame, *, key: str, title: str, words: str) -> str:
    """Return the plot as an SVG for a page, with ids made from `key`.

    A column that is narrower than the plot shows its right end, unscaled.
    """
    height = HEIGHT + frame.top
    return (
        f'<svg class="plot" data-part="plot" viewBox="0 0 {number(frame.width)} {height}" '
        f'width="{number(frame.width)}" height="{height}" preserveAspectRatio="xMaxYMid slice" '
        f'role="img" aria-labelledby="{key}-title {key}-words">'
        f'<title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-words">{escape(words)}</desc>{_hatch(key)}'
        f"{inside(scene, frame, key=key)}</svg>"
    )


def inside(scene: Scene, frame: Frame, *, key: str) -> str:
    """Return everything of the plot but its frame."""
    top = frame.top
    return "".join(
        [
            _grid(scene, frame),
            *(_rail(code, frame) for code in (*RAILS, SHARED)),
            *(f'<path class="break" d="{_torn(gap.x, top)}"/>' for gap in scene.breaks),
            *(_words("left-out", Words(gap.x + 5, top + 18, gap.text)) for gap in scene.breaks),
            *(_flag(flag, frame) for flag in scene.flags),
            *(_bracket(bracket, key) for bracket in scene.brackets),
            *(_tick(tick) for tick in scene.ticks),
            _now(scene, frame) if frame.moving else "",
            *(_trace(trace, frame) for trace in scene.traces),
            *(_labels(bracket) for bracket in scene.brackets),
            *(_words("said", words) for words in scene.said),
        ]
    )


def names(*, top: int = 0) -> str:
    """Return the column of the rails' codes and names, left of the plot."""
    height = HEIGHT + top
    return (
        f'<svg class="names" viewBox="0 0 {NAMES_WIDTH} {height}" width="{NAMES_WIDTH}" '
        f'height="{height}" preserveAspectRatio="xMinYMid slice" aria-hidden="true">'
        f"{name_texts(top)}</svg>"
    )


def name_texts(top: int) -> str:
    rails = "".join(
        f'<text class="code" x="12" y="{y_of(code) + top + 5}">{code}</text>'
        f'<text class="name" x="12" y="{y_of(code) + top + 20}">{NAMES[code]}</text>'
        for code in RAILS
    )
    return f'{rails}<text class="name" x="12" y="{SHARED_Y + top + 4}">{NAMES[SHARED]}</text>'


def picture(scene: Scene, frame: Frame, *, style: str, title: str, words: str) -> str:
    """Return names and plot as one SVG with its own style, for a file or a raster."""
    height, width = HEIGHT + frame.top, NAMES_WIDTH + frame.width
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {number(width)} '
        f'{height}" width="{number(width)}" height="{height}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(words)}</desc><style>{style}</style>"
        f'<rect class="tile" width="100%" height="100%"/>{name_texts(frame.top)}'
        f'<svg x="{NAMES_WIDTH}" width="{number(frame.width)}" height="{height}" '
        f'viewBox="0 0 {number(frame.width)} {height}">{_hatch("graph")}'
        f"{inside(scene, frame, key='graph')}</svg></svg>"
    )


def _hatch(key: str) -> str:
    return (
        f'<defs><pattern id="{key}-hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><path class="hatch" d="M0 0V6"/></pattern></defs>'
    )


def _grid(scene: Scene, frame: Frame) -> str:
    top, bottom = frame.top, SHARED_Y + frame.top + 8
    thin = "".join(f"M{number(line.x)} {top}V{bottom}" for line in scene.grid if not line.strong)
    strong = "".join(f"M{number(line.x)} {top}V{bottom}" for line in scene.grid if line.strong)
    times = "".join(
        f'<text class="time" x="{number(line.x)}" y="{AXIS_Y + top}">{line.label}</text>'
        for line in scene.grid
        if line.label
    )
    return f'<path class="grid" d="{thin}"/><path class="grid strong" d="{strong}"/>{times}'


def _rail(code: str, frame: Frame) -> str:
    y = y_of(code) + frame.top
    shared = " shared" if code == SHARED else ""
    return f'<path class="rail{shared}" d="M0 {y}H{number(frame.width)}"/>'


def _torn(x: float, top: int) -> str:
    """Return two jagged lines from top to bottom, which mark time that was left out."""
    teeth = "".join("l4 6l-4 6" for _ in range((SHARED_Y + 8) // 12))
    return f"M{number(x - 2)} {top}{teeth}M{number(x + 2)} {top}{teeth}"


def _flag(flag: Words, frame: Frame) -> str:
    line = f'<path class="flag" d="M{number(flag.x)} {flag.y - 8}V{SHARED_Y + frame.top + 8}"/>'
    return line + (_words("flag-words", Words(flag.x + 4, flag.y, flag.text)) if flag.text else "")


def _bracket(bracket: Bracket, key: str) -> str:
    x, y = number(bracket.x), bracket.y
    ring = ""
    if bracket.closed:
        ring = f'<circle class="ring" cx="{number(bracket.x + bracket.width)}" cy="{y}" r="7"/>'
    queue = "".join(
        f"M{number(bracket.x - 5 - n * WAITING_GAP)} {y - 7}v14" for n in range(bracket.waiting)
    )
    return (
        f'<g class="outage" data-outage="{escape(bracket.id)}">'
        f'<rect class="ground" x="{x}" y="{y - 9}" width="{number(bracket.width)}" height="18"/>'
        f'<rect class="bracket" fill="url(#{key}-hatch)" x="{x}" y="{y - 9}" '
        f'width="{number(bracket.width)}" height="18"/>'
        f'<path class="queue" d="{queue}"/>{ring}</g>'
    )


def _labels(bracket: Bracket) -> str:
    cause = _words("cause", bracket.cause) if bracket.cause else ""
    return cause + (_words("recovery", bracket.recovery) if bracket.recovery else "")


def _tick(tick: PlacedTick) -> str:
    where = f"translate({number(tick.x)} {tick.y})"
    return f'<g class="tick {tick.kind}" transform="{where}">{TICK_SHAPES[tick.kind]}</g>'


def _trace(trace: Trace, frame: Frame) -> str:
    label = ""
    if trace.label is not None:
        y = headcode_y(frame)
        label = f'<text class="head" x="{number(trace.label)}" y="{y}">{trace.headcode}</text>'
    paths = "".join(f'<path class="{path.style}" d="{path.d}"/>' for path in trace.paths)
    marks = "".join(
        f'<g class="mark {mark.mark}" transform="translate({number(mark.x)} {mark.y})'
        f'{"" if mark.size == 1 else f" scale({mark.size})"}" data-seq="{mark.seq}">'
        f"{SHAPES[Mark(mark.mark)]}</g>"
        for mark in trace.marks
    )
    return f'<g class="trace" data-saga="{trace.id}">{label}{paths}{marks}</g>'


def _now(scene: Scene, frame: Frame) -> str:
    x = number(scene.now)
    bottom = SHARED_Y + frame.top + 8
    return (
        f'<g class="now"><path d="M{x} {frame.top}V{bottom}"/>'
        f'<text x="{number(scene.now + 6)}" y="{AXIS_Y + frame.top}">now</text></g>'
    )


def _words(name: str, words: Words) -> str:
    return f'<text class="{name}" x="{number(words.x)}" y="{words.y}">{escape(words.text)}</text>'
