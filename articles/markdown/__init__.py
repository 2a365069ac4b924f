"""The way from an author's Markdown to the HTML that readers get.

The dialect is CommonMark with tables, strikethrough and footnotes, and these:

    ```python title="Caption" hl="2,4-5"        a numbered listing
    ::: listing module:name hl="3-5"            a listing from the running source
    Caption.
    :::
    ::: figure train-graph window=20 wide       a figure that is drawn when the page is
    Caption.
    :::
    ::: measurement pipeline                    a table of articles/measurements/pipeline.json
    Caption.
    :::
    ::: note A title, or none                   a note box with any text in it
    :::
    Table: Caption.                             the line after (or before) a table
    {value}`module:NAME`                        a constant, as the running source sets it

The problems of a text are a list of `MarkdownProblem`; the rest is rendered all the
same, with the sentence in place of each part that could not be made.

The HTML that the pages style (every part is numbered through the article):

    <h2 id="slug">Text <a class="permalink" href="#slug" aria-label="Link to “Text”">#</a></h2>
    <figure class="listing" id="listing-1">
      <figcaption><span class="number">Listing 1</span> Caption <a class="source" …></figcaption>
      <div class="scroll" tabindex="0" role="region" aria-label="Listing 1">
        <pre class="highlight"><code class="language-python"><span class="line" data-number="40">
        …</span><span class="line marked" data-number="41">…</span></code></pre></div></figure>
      (`data-number` in listings from the source only: there it is the file's own line;
      `figure.listing` is `plain` where it has no caption and no number)
    <figure class="table" id="table-1">
      <figcaption><span class="number">Table 1</span> Caption</figcaption>
      <div class="scroll" tabindex="0" role="region" aria-label="Table 1"><table>…</table></div>
      <p class="meta provenance">…</p> (measurements only) </figure>
      (cells carry `class="right"`, `"centre"`)
    <figure class="figure" id="figure-1"> or class="figure wide"
      <div data-figure="train-graph" data-options="{…}"></div> (see articles.figures.fill)
      <figcaption><span class="number">Figure 1</span> Caption</figcaption></figure>
    <div class="note" role="note"><p class="note-title">Title</p>…</div>
    …text<sup class="reference" id="note-1-mark"><a href="#note-1" aria-label="Note 1">1</a></sup>
    <div class="sidenote" id="note-1" role="note"><p><span class="number">1</span> …
      <a class="back" href="#note-1-mark" aria-label="Back to the text">↩</a></p></div>
      (directly after the paragraph, list, table … in which the note is first named)
    <a class="value" href="/source/…" title="module:NAME"><code>0.5</code></a>
    <p class="problem">Line 12: there is no figure “x”.</p> (drafts only)
"""

from __future__ import annotations

from articles.markdown.render import LARGEST, Rendered, render
from articles.problems import MarkdownProblem

__all__ = ["LARGEST", "MarkdownProblem", "Rendered", "render"]
