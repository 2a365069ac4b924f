"""Saving an article: the lock, the revision, and the check before publication.

All code that writes a text calls `save_article`, so that no saved text is lost, and no
editor overwrites a text that they have not seen.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from articles.markdown import MarkdownProblem
from articles.models import PUBLISHED, Article, Revision


class ChangedMeanwhile(Exception):
    """Another editor has saved the article since it was read."""


class NotPublishable(Exception):
    """The text has problems, so readers cannot get it."""

    def __init__(self, problems: list[MarkdownProblem]) -> None:
        super().__init__(" ".join(str(problem) for problem in problems))
        self.problems = problems


@transaction.atomic
def save_article(*, article: Article, editor: User | None = None, note: str = "") -> Article:
    """Save the article, and its text as a new revision if the text is new.

    `article.version` must be the one that was read. Raises ChangedMeanwhile when the row has
    another by now, and NotPublishable when a published text has problems.
    """
    stored = Article.objects.select_for_update().filter(pk=article.pk).first()
    if stored is not None and stored.version != article.version:
        raise ChangedMeanwhile(f"“{stored.title}” was saved by somebody else meanwhile.")
    fresh_text = stored is None or _text(stored) != _text(article)
    article.version += 1
    if fresh_text:
        article.revision += 1
        if stored is not None and stored.is_visible:
            article.revised_at = timezone.now()
    article.save()
    if article.state == PUBLISHED and article.problems:
        raise NotPublishable([MarkdownProblem(**problem) for problem in article.problems])
    if fresh_text:
        Revision.objects.create(
            article=article,
            number=article.revision,
            title=article.title,
            summary=article.summary,
            body=article.body,
            editor=editor,
            note=note,
        )
    return article


def restore_revision(*, revision: Revision, editor: User | None) -> Article:
    """Make an old text the current one again, as a new revision.

    Raises as `save_article` does.
    """
    article = Article.objects.get(pk=revision.article_id)
    article.title = revision.title
    article.summary = revision.summary
    article.body = revision.body
    if article.is_visible:  # the sentence on the other text is not true of this one
        article.what_changed = f"The text of revision {revision.number} was restored."
    note = f"Restored revision {revision.number}"
    return save_article(article=article, editor=editor, note=note)


def render_again() -> list[str]:
    """Render all articles with the running code, and return a sentence for each failure.

    Listings and constants come from the running source, so they are rendered again whenever
    it may have changed. A published article keeps its HTML when its text can no longer be
    rendered, as when a function that it prints is gone.
    """
    sentences = []
    for article in Article.objects.all():
        html, problems = article.html, article.problems
        article.render()
        broken = bool(article.problems) and not problems
        if broken and article.state == PUBLISHED:
            first = article.problems[0]
            sentences.append(f"{article.slug}, line {first['line']}: {first['sentence']}")
            Article.objects.filter(pk=article.pk).update(problems=article.problems)
        elif html != article.html or problems != article.problems:
            made = ("html", "text", "toc", "words", "minutes", "problems", "rendered_at")
            Article.objects.filter(pk=article.pk).update(
                **{name: getattr(article, name) for name in made}
            )
    return sentences


def _text(article: Article) -> tuple[str, str, str]:
    return article.title, article.summary, article.body
