"""Articles that the tests write on the running platform, and delete afterwards."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import pytest

from config.environment import ROOT

# A word that no article of the site has.
RARE: Final = "quagga"

# Run by `manage.py shell`, so that the site's own code writes, renders and announces.
WRITE: Final = f"""
import json, sys
from datetime import timedelta
from django.utils import timezone
from articles.models import Article, Revision, Series, Tag

BODY = '''The {RARE} is striped in front only.[^why] See [the other one](/articles/test-second/).

## First section

::: figure train-graph window=20
What the cluster does now.
:::

### A part of it

```python title="One line" hl="1"
print("<b>&amp;</b>")
```

## Second section

| fault | seconds |
|---|---:|
| none | 0 |

Table: Nothing.

[^why]: Nobody knows for sure.
'''


def write(slug, title, body, state, days, revision=1, **more):
    return Article.objects.create(
        slug=slug, title=title, summary=f"About {{title}}.", body=body, state=state,
        published_at=now + timedelta(days=days), revision=revision, **more)


now = timezone.now()
series = Series.objects.create(slug="test-series", title="A test's series", summary="In order.")
tag = Tag.objects.create(slug="test-tag", name="Test tag")
alone = Tag.objects.create(slug="test-unused", name="Only on a draft")
first = write("test-first", "Stripes & <saddles>", BODY, "published", -3, 3, series=series,
              series_position=1, what_changed="A word.", revised_at=now)
second = write("test-second", "The other one", "Also about a {RARE}. Nothing else.", "published",
               -2, series=series, series_position=2)
draft = write("test-draft", "A draft", "A {RARE} that is not finished.", "draft", -1)
later = write("test-later", "A scheduled one", "A {RARE} of tomorrow.", "published", 1)
first.tags.add(tag)
second.tags.add(tag)
draft.tags.add(alone)
texts = [("Never published.", -9), ("The {RARE} is spotted.", -4), ("The {RARE} is striped.", 0)]
for number, (text, days) in enumerate(texts, start=1):
    Revision.objects.create(article=first, number=number, title=first.title, summary="", body=text,
                            saved_at=now + timedelta(days=days), note=f"Note {{number}}")
print(json.dumps({{"words": first.words, "minutes": first.minutes}}))
"""
# The program of that shell. It runs one script for each line and answers with its output.
RUN_EACH: Final = """
import contextlib, io, json, sys, traceback
from django.db import connections
for line in sys.stdin:
    answer, printed = {}, io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(json.loads(line), {"__name__": "__main__"})
        answer["printed"] = printed.getvalue()
    except Exception:
        answer["error"] = traceback.format_exc()
    connections.close_all()
    print(json.dumps(answer), flush=True)
"""
DELETE: Final = """
from articles.models import Article, Series, Tag
for model in (Article, Series, Tag):
    model.objects.filter(slug__startswith="test-").delete()
"""


@dataclass(frozen=True)
class Written:
    """The test articles: test-first and test-second in test-series, a draft, a scheduled one."""

    url: str  # of the site, without a slash at the end
    words: int  # of test-first
    minutes: int

    def address(self, slug: str = "test-first") -> str:
        return f"{self.url}/articles/{slug}/"


def site_shell(script: str) -> str:
    """Run a script in the site's shell, and return the last line that it prints."""
    shell = _shell()
    assert shell.stdin
    assert shell.stdout
    shell.stdin.write(json.dumps(script) + "\n")
    shell.stdin.flush()
    answer = json.loads(shell.stdout.readline() or '{"error": "the shell has ended"}')
    assert "error" not in answer, answer["error"]
    return str((answer["printed"].splitlines() or [""])[-1])


@cache
def _shell() -> subprocess.Popen[str]:
    """Start one shell for all scripts of a session, since its start takes seconds."""
    shell = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", RUN_EACH],
        cwd=ROOT,
        env={**os.environ, "VAULT_IDENTITY": "web"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(shell.terminate)
    return shell


@pytest.fixture(scope="session")
def written(platform_url: str) -> Iterator[Written]:
    """Published, scheduled and unfinished articles on the running site."""
    site_shell(DELETE)  # the articles that a killed run has left
    yield Written(url=platform_url, **json.loads(site_shell(WRITE)))
    site_shell(DELETE)
