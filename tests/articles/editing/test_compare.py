"""The comparison of two texts, side by side."""

from __future__ import annotations

from articles.editing.compare import Piece, Row, compare


def test_the_words_that_differ_are_marked() -> None:
    found = compare("A quick fox.\n", "A slow fox.\n")
    assert found.rows == [
        Row(
            [Piece("A ", same=True), Piece("quick", same=False), Piece(" fox.", same=True)],
            [Piece("A ", same=True), Piece("slow", same=False), Piece(" fox.", same=True)],
            changed=True,
            before_number=1,
            after_number=1,
        )
    ]
    assert (found.added, found.removed, found.same) == (1, 1, False)


def test_lines_that_came_or_went_have_an_empty_other_side() -> None:
    found = compare("a\nb\n", "a\nb\nc d\n")
    assert found.rows[-1] == Row(
        None, [Piece("c d", same=False)], changed=True, before_number=None, after_number=3
    )
    assert (found.added, found.removed) == (2, 0)


def test_what_is_the_same_far_from_a_change_is_left_out() -> None:
    lines = [str(number) for number in range(100)]
    found = compare("\n".join(lines), "\n".join([*lines[:50], "new", *lines[50:]]))
    assert [row.skipped for row in found.rows if row.skipped] == [48, 48]
    assert len(found.rows) == 1 + 2 + 1 + 2 + 1


def test_equal_texts_are_the_same() -> None:
    assert compare("a\nb", "a\nb").same
