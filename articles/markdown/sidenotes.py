"""Footnotes, each behind the block that first refers to it. Wide pages draw them in the margin."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from markdown_it.token import Token

from articles.markdown.render_context import RenderContext, blocks, children_of, line_of, made
from articles.options import shortened


@dataclass(slots=True)
class _Notes:
    making: RenderContext
    written: dict[str, list[Token]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)


def place_sidenotes(tokens: list[Token], making: RenderContext) -> list[Token]:
    """Number the notes in the order of their marks, and put each behind its first mention."""
    notes = _Notes(making)
    text = _without_definitions(tokens, notes)
    placed: list[Token] = []
    for block in blocks(text):
        placed += block
        waiting = _mark(block, notes)
        while waiting:
            label = waiting.pop(0)
            note = notes.written[label]
            waiting += _mark(note, notes)
            placed += _note(notes.numbers[label], note)
    for label, line in notes.lines.items():
        if label not in notes.numbers:
            making.say(line, f"The footnote “{shortened(label)}” is named nowhere in the text.")
    return placed


def _without_definitions(tokens: list[Token], notes: _Notes) -> list[Token]:
    text: list[Token] = []
    opened: list[str] = []
    for token in tokens:
        if token.type == "footnote_reference_open":
            label = token.meta["label"]
            if label in notes.written:
                sentence = f"The footnote “{shortened(label)}” is written twice."
                notes.making.say(line_of(token), sentence)
            opened.append(label)
            notes.written[label] = []
            notes.lines[label] = line_of(token)
        elif token.type == "footnote_reference_close":
            opened.pop()
        elif opened:
            notes.written[opened[-1]].append(token)
        else:
            text.append(token)
    return text


def _mark(block: list[Token], notes: _Notes) -> list[str]:
    """Turn the references of a block into marks, and return the labels that are new."""
    first_named: list[str] = []
    references = [each for each in children_of(block) if each[1].type == "footnote_ref"]
    for line, child in references:
        label = child.meta["label"]
        if label not in notes.written:
            notes.making.say(line, f"There is no footnote “{shortened(label)}”.")
            continue
        if label not in notes.numbers:
            notes.numbers[label] = notes.making.number("note")
            notes.marks[label] = 0
            first_named.append(label)
        number = notes.numbers[label]
        notes.marks[label] += 1
        again = f"-{notes.marks[label]}" if notes.marks[label] > 1 else ""
        child.type = "made"
        child.content = (
            f'<sup class="reference" id="note-{number}-mark{again}">'
            f'<a href="#note-{number}" aria-label="Note {number}">{number}</a></sup>'
        )
    return first_named


def _note(number: int, tokens: list[Token]) -> list[Token]:
    """Return the note, with its number before its first words and a link back after the last."""
    count = f'<span class="number">{number}</span> '
    back = f' <a class="back" href="#note-{number}-mark" aria-label="Back to the text">↩</a>'
    paragraphs = [
        tokens[index + 1] for index, token in enumerate(tokens) if token.type == "paragraph_open"
    ]
    if not paragraphs:
        inside = [made(f"<p>{count}{back}</p>"), *tokens]
    else:
        first, last = paragraphs[0], paragraphs[-1]
        first.children = [made(count), *(first.children or [])]
        last.children = [*(last.children or []), made(back)]
        inside = tokens
    opening = f'<div class="sidenote" id="{escape(f"note-{number}")}" role="note">\n'
    return [made(opening), *inside, made("</div>\n")]
