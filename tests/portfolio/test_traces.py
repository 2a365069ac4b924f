"""A trace of spans as rows, stages, a picture and an export."""

from __future__ import annotations

from cluster.health.observer.span_store import KeptSpan, KeptTrace
from portfolio.traces.otlp import export
from portfolio.traces.tree import Tree
from portfolio.traces.waterfall import draw
from tests.observed import kept_span

MS = 1_000_000
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def span(
    span_id: str,
    parent: str | None,
    name: str,
    start: float,
    end: float,
    *,
    service: str = "web",
    error: str = "",
    **attributes: str,
) -> KeptSpan:
    return kept_span(
        span_id,
        trace_id=TRACE,
        parent_id=parent,
        name=name,
        service=service,
        start=int(start * MS),
        end=int(end * MS),
        error=error,
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
    )


def message(operation: str, **more: str) -> dict[str, str]:
    return {
        "messaging__operation__name": operation,
        "cloudevents__event_type": "catalog.reserve_stock.v1",
        "cloudevents__event_source": "checkout",
        **more,
    }


SPANS = [
    span("a", None, "POST /checkouts/", 0, 9),
    span("b", "a", "send catalog.reserve_stock.v1", 1, 2, **message("send")),
    span("c", "b", "publish catalog.reserve_stock.v1", 1, 5, **message("publish")),
    span("d", "b", "process catalog.reserve_stock.v1", 7, 11,
         **message("process", messaging__consumer__group__name="catalog")),
    span("e", "b", "receive catalog.reserve_stock.v1", 8, 12,
         **message("receive", messaging__consumer__group__name="site")),
    span("f", "d", "send catalog.stock_reserved.v1", 10, 11, **message("send")),
]  # fmt: skip


def test_a_message_is_one_row_with_its_stages() -> None:
    rows = Tree(SPANS).rows()

    assert [(row.label, row.depth) for row in rows] == [
        ("POST /checkouts/", 0),
        ("reserve stock", 1),
        ("reserve stock", 2),
    ]
    assert (rows[1].code, rows[1].receivers) == ("CHK", "CAT")
    assert rows[1].stages == (4.0, 2.0, 4.0, 11.0)


def test_every_span_is_listed_once_below_its_parent() -> None:
    assert [(span.span_id, depth) for span, depth in Tree(SPANS).depth_first()] == [
        ("a", 0), ("b", 1), ("c", 2), ("d", 2), ("f", 3), ("e", 2)
    ]  # fmt: skip


def test_a_span_whose_parent_has_not_come_is_shown_adrift() -> None:
    rows = Tree([one for one in SPANS if one.span_id != "d"]).rows()

    assert [(row.span.span_id, row.adrift) for row in rows] == [
        ("a", False), ("b", False), ("f", True)
    ]  # fmt: skip


def test_spans_that_run_in_a_circle_end() -> None:
    circle = [span("a", "b", "one", 0, 1), span("b", "a", "two", 0, 1)]

    assert list(Tree(circle).depth_first()) == []
    assert Tree(circle).rows() == []


def test_the_picture_places_bars_by_per_cent_of_the_time() -> None:
    tree = Tree(SPANS)

    picture = draw(tree.rows(), start=tree.start, end=tree.end)

    assert '<rect class="outbox" x="8.333%"' in picture
    assert 'width="33.334%"' in picture
    assert "4.0 ms in the outbox; 2.0 ms in the broker to CAT" in picture
    assert "style=" not in picture


def test_what_strangers_have_sent_is_escaped_in_the_picture() -> None:
    tree = Tree([span("a", None, "<script>", 0, 1)])

    assert "<script>" not in draw(tree.rows(), start=tree.start, end=tree.end)


def test_the_export_is_otlp_in_json() -> None:
    failed = span("d", "b", "process", 7, 11, service="worker-catalog", error="no stock")

    told = export(KeptTrace(trace_id=TRACE, spans=[failed]))

    [resource] = told["resourceSpans"]
    assert resource["resource"]["attributes"] == [
        {"key": "service.name", "value": {"stringValue": "worker-catalog"}}
    ]
    [scope] = resource["scopeSpans"]
    [exported] = scope["spans"]
    assert exported["startTimeUnixNano"] == "7000000"
    assert (exported["parentSpanId"], exported["status"]["code"]) == ("b", 2)
