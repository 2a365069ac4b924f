"""The tree of a trace as rows, each with all stages of one message.

A message leaves a span for its sending, one for its publication and one for each consumer. A row
combines them, to show where the message waited: in the outbox, in the broker, or in its handler.
Pure.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.health.observer.span_store import KeptSpan
from cluster.storefront.events import CODES

OPERATION: Final = "messaging.operation.name"
OUTSIDE: Final = {"provider": "PSP", "payments-gateway": "PAY"}


class Stage(enum.StrEnum):
    """The stage of a message, or the other work, to which a segment of a row belongs."""

    OUTBOX = "outbox"  # from the sender's transaction to the broker's confirm
    BROKER = "broker"  # from there to the consumer's receipt
    HANDLER = "handler"  # from there to the consumer's commit
    JOURNAL = "journal"  # when the site had recorded it
    WORK = "work"  # a span that belongs to no message


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a row (ns of the epoch). `who` is the code of the service at work."""

    stage: Stage
    start: int
    end: int
    who: str
    error: str = ""

    @property
    def milliseconds(self) -> float:
        return (self.end - self.start) / 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A message, or another span where `is_message` is false.

    `adrift` is true when it starts another tree than the first, since its parent is missing.
    """

    label: str
    code: str
    depth: int
    span: KeptSpan
    segments: tuple[Segment, ...]
    is_message: bool
    adrift: bool = False

    @property
    def start(self) -> int:
        return min(segment.start for segment in self.segments)

    def milliseconds(self, stage: Stage) -> float | None:
        """Return how many milliseconds the stage took at most, or None without that stage."""
        found = [segment.milliseconds for segment in self.segments if segment.stage is stage]
        return max(found) if found else None

    @property
    def outbox(self) -> float | None:
        return self.milliseconds(Stage.OUTBOX)

    @property
    def broker(self) -> float | None:
        return self.milliseconds(Stage.BROKER)

    @property
    def handler(self) -> float | None:
        return self.milliseconds(Stage.HANDLER)

    @property
    def journal(self) -> float | None:
        """Milliseconds from the row's start to the journal's commit, or None without one."""
        heard = [segment for segment in self.segments if segment.stage is Stage.JOURNAL]
        return (heard[0].end - self.start) / 1_000_000 if heard else None

    @property
    def stages(self) -> tuple[float | None, ...]:
        """Milliseconds in the outbox, in the broker, in the handler, and until journalled."""
        return self.outbox, self.broker, self.handler, self.journal

    @property
    def receivers(self) -> str:
        """The codes of the services that handled it."""
        return ", ".join(s.who for s in self.segments if s.stage is Stage.HANDLER)

    @property
    def error(self) -> str:
        return next((segment.error for segment in self.segments if segment.error), "")


class Tree:
    """The spans of one trace, arranged by their parents."""

    def __init__(self, spans: Sequence[KeptSpan]) -> None:
        self.spans = sorted(spans, key=lambda span: (span.start, span.span_id))
        known = {span.span_id for span in self.spans}
        self._children: dict[str | None, list[KeptSpan]] = {}
        self.roots: list[KeptSpan] = []
        for span in self.spans:
            if span.parent_id in known and span.parent_id != span.span_id:
                self._children.setdefault(span.parent_id, []).append(span)
            else:
                self.roots.append(span)

    @property
    def start(self) -> int:
        return min(span.start for span in self.spans)

    @property
    def end(self) -> int:
        return max(span.end for span in self.spans)

    def depth_first(self) -> Iterator[tuple[KeptSpan, int]]:
        """Yield every span with its depth, parents before children, siblings by their starts."""
        stack = [(root, 0) for root in reversed(self.roots)]
        seen: set[str] = set()
        while stack:
            span, depth = stack.pop()
            if span.span_id in seen:
                continue  # span ids come from other programs and may form a cycle
            seen.add(span.span_id)
            yield span, depth
            stack += [(child, depth + 1) for child in reversed(self.children(span))]

    def children(self, span: KeptSpan) -> list[KeptSpan]:
        return self._children.get(span.span_id, [])

    def rows(self) -> list[Row]:
        """Return a row for each message and for each other span, in the order of the tree."""
        stack = [(root, 0) for root in reversed(self.roots)]
        rows: list[Row] = []
        seen: set[str] = set()
        while stack:
            span, depth = stack.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            is_message = _operation(span) == "send"
            below = self.children(span)
            deeds = [child for child in below if _operation(child) in DEEDS] if is_message else []
            seen.update(deed.span_id for deed in deeds)
            segments = _stages(span, deeds) if is_message else (_work(span),)
            rows.append(
                Row(
                    label=_label(span),
                    code=_code(span),
                    depth=depth,
                    span=span,
                    segments=segments,
                    is_message=is_message,
                    adrift=depth == 0 and span.parent_id is not None and span is not self.roots[0],
                )
            )
            inside = [child for deed in deeds for child in self.children(deed)]
            following = [child for child in below if child not in deeds] + inside
            following.sort(key=lambda child: (child.start, child.span_id))
            stack += [(child, depth + 1) for child in reversed(following)]
        return rows


DEEDS: Final = frozenset({"publish", "process", "receive"})


def _stages(sent: KeptSpan, deeds: Sequence[KeptSpan]) -> tuple[Segment, ...]:
    publication = next((deed for deed in deeds if _operation(deed) == "publish"), None)
    code = _code(sent)
    if publication is None:
        segments = [Segment(Stage.OUTBOX, sent.start, sent.end, code)]
    else:
        segments = [Segment(Stage.OUTBOX, publication.start, publication.end, code)]
    for deed in deeds:
        who = _consumer(deed)
        if _operation(deed) == "process":
            # A consumer may receive the message before the relay has its confirm.
            if publication is not None and publication.end < deed.start:
                segments.append(Segment(Stage.BROKER, publication.end, deed.start, who))
            segments.append(Segment(Stage.HANDLER, deed.start, deed.end, who, deed.error))
        elif _operation(deed) == "receive":
            segments.append(Segment(Stage.JOURNAL, deed.start, deed.end, who, deed.error))
    return tuple(segments)


def _work(span: KeptSpan) -> Segment:
    return Segment(Stage.WORK, span.start, span.end, _code(span), span.error)


def _operation(span: KeptSpan) -> str:
    return str(span.attributes.get(OPERATION, ""))


def _label(span: KeptSpan) -> str:
    """Return `reserve stock` for `catalog.reserve_stock.v1`, and else the span's name."""
    type_ = span.attributes.get("cloudevents.event_type")
    if not isinstance(type_, str) or type_.count(".") != 2:  # noqa: PLR2004 - owner, name, version
        return span.name
    return type_.split(".")[1].replace("_", " ")


def _code(span: KeptSpan) -> str:
    source = span.attributes.get("cloudevents.event_source")
    if isinstance(source, str) and source in CODES:
        return CODES[source]
    return OUTSIDE.get(span.service, "WEB")


def _consumer(span: KeptSpan) -> str:
    return CODES.get(str(span.attributes.get("messaging.consumer.group.name")), "???")
