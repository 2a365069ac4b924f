"""The site's sections: their names in the masthead and their keys on the keyboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SITE: Final = "Working timetable"


@dataclass(frozen=True)
class Section:
    """One entry of the masthead. `key` follows `g` on the keyboard: `g a` opens the articles."""

    name: str
    title: str
    address: str
    key: str


# Addresses are written out: the masthead also stands on the page that says
# that something broke, which must not depend on any part of the site.
SECTIONS: Final = (
    Section("articles", "Articles", "/articles/", "a"),
    Section("architecture", "Architecture", "/architecture/", "r"),
    Section("lab", "Lab", "/lab/", "l"),
    Section("chaos", "Chaos", "/chaos/", "c"),
    Section("work", "Work", "/work/", "w"),
    Section("about", "About", "/about/", "b"),
    Section("contact", "Contact", "/contact/", "t"),
)


def section_of(path: str) -> str:
    """Return the section to which an address belongs, empty for the home page and the rest."""
    for section in SECTIONS:
        if path.startswith(section.address):
            return section.name
    return ""
