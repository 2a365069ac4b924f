"""No tracked file holds a secret: no private key, no token of a known form, no random text."""

from __future__ import annotations

import math
import re
import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.environment import ROOT

PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")
# Forms that their makers publish so that they are found: GitHub, GitLab, AWS, Google, Slack,
# Stripe, Vault, npm, PyPI, and signed JSON Web Tokens.
TOKEN = re.compile(
    r"\b(?:gh[pousr]_\w{36}|github_pat_\w{50}|glpat-[\w-]{20}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}"
    r"|xox[abpr]-[\w-]{10}|[sr]k_live_\w{16}|hv[sb]\.[\w-]{24}|npm_\w{36}|pypi-[\w-]{50}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20})"
)
WORD = re.compile(r"[A-Za-z0-9+_-]{28,}={0,2}")
RANDOM = 4.2  # bits a character; English in camel case has less, 28 random letters have more
# The hash in RabbitMQ's guide to passwords, of the password `test12`.
KNOWN = {"kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"}
# Hashes of packages, and recordings, whose ids are random.
NOT_READ = ("compose/locks/", "tests/chaos/drivers/contracts/", "articles/incidents/")


def entropy(text: str) -> float:
    """Return the bits a character, by how often each occurs in the text."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def is_random(word: str) -> bool:
    if word in KNOWN:
        return False
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(map(kind, word)) for kind in kinds) and entropy(word) >= RANDOM


def secrets_in(text: str) -> Iterator[str]:
    """Yield the beginning of each text that looks like a secret."""
    for form in (PRIVATE_KEY, TOKEN):
        yield from (found[0][:12] for found in form.finditer(text))
    yield from (found[0][:12] for found in WORD.finditer(text) if is_random(found[0]))


def tracked_texts() -> Iterator[tuple[str, str]]:
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for name in filter(None, names.split("\0")):
        if name.startswith(NOT_READ) or not (ROOT / name).is_file():
            continue
        try:
            yield name, Path(ROOT / name).read_text()
        except UnicodeDecodeError:
            continue  # a typeface or a picture


def test_no_tracked_file_holds_a_secret() -> None:
    found = {name: list(secrets_in(text)) for name, text in tracked_texts()}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
        "-----BEGIN " + "PRIVATE KEY-----",
        "ghp_" + "a1B2" * 9,
        "AKIA" + "ABCDEFGH" * 2,
        "hvs." + "a" * 24,
        "sk_live_" + "a" * 16,
    ],
)
def test_a_known_form_is_found(secret: str) -> None:
    assert list(secrets_in(f'KEY = "{secret}"\n')) == [secret[:12]]


def test_nearly_every_random_text_is_found() -> None:
    made = [secrets.token_urlsafe(32) for _ in range(1_000)]
    assert sum(any(secrets_in(f"password={each}\n")) for each in made) > 990
