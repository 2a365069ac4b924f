"""The addresses of tags and series, made from their names and distinct for distinct names."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final, TypeVar

from django.db.models import QuerySet
from django.utils.text import slugify

from articles.models import LONGEST_SLUG, Series, Tag

Named = TypeVar("Named", Tag, Series)

# slugify would drop these characters, yet C++ and C# are two subjects.
SPELLED: Final = {"+": " plus ", "#": " sharp "}
LONGEST_TAG: Final = 80  # characters of its name
DIGEST: Final = 8  # hexadecimal digits


def means_something(name: str) -> bool:
    """Return whether a name has a letter, a digit or a symbol that distinguishes it from others."""
    return any(unicodedata.category(each)[0] in "LNS" for each in name)


def address_of(name: str, *, kind: str) -> str:
    """Return the end of the address for a name: its words, and a digest if ASCII loses any."""
    spelled = "".join(SPELLED.get(each, each) for each in name)
    words = slugify(spelled).strip("-_")
    decomposed = unicodedata.normalize("NFKD", spelled)
    lost = means_something("".join(each for each in decomposed if not each.isascii()))
    fits = len(words) <= LONGEST_SLUG
    return words if words and fits and not lost else _distinguished(words or kind, name)


def tag_named(name: str) -> Tag:
    """Return the tag of this name, made anew if there is none."""
    return _found_or_made(Tag.objects.all(), name, field="name", kind="tag")


def series_titled(title: str) -> Series:
    """Return the series of this title, made anew if there is none."""
    return _found_or_made(Series.objects.all(), title, field="title", kind="series")


def _found_or_made(rows: QuerySet[Named], name: str, *, field: str, kind: str) -> Named:
    """Return the row whose `field` is this name, or a new row at an address of its own."""
    found = rows.filter(**{f"{field}__iexact": name}).first()
    if found is not None:
        return found
    address = address_of(name, kind=kind)
    holder = rows.filter(slug=address).values_list(field, flat=True).first()
    if holder is not None and _is_another(holder, name, address):
        address = _distinguished(address, name)
    return rows.get_or_create(slug=address, defaults={field: name})[0]


def _is_another(holder: str, name: str, address: str) -> bool:
    """Return whether the row at an address got it from another name, and not from the owner."""
    return _key(holder) != _key(name) and address in {slugify(holder), address_of(holder, kind="")}


def _key(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name).casefold()).strip()


def _distinguished(words: str, name: str) -> str:
    digest = hashlib.sha256(_key(name).encode()).hexdigest()[:DIGEST]
    return f"{words[: LONGEST_SLUG - DIGEST - 1].strip('-_')}-{digest}"
