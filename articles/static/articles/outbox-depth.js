/* <outbox-depth>: the server has drawn the table; this keeps its numbers and lines current.
 *
 * The line of each service continues from the points that the server drew: time moves it to
 * the left, at the pace of the snapshots, and the newest depth is added at the right.
 */

import { LiveTable } from "./live-table.js";

const WIDTH = 160;
const HEIGHT = 28;
const MARGIN = 2;

/** Points of one line moved `seconds` into the past, with one more at the right edge. */
export function continued(points, seconds, span, depth, top) {
  const shift = (seconds / span) * (WIDTH - 2 * MARGIN);
  const moved = points
    .map(([x, y]) => [x - shift, y])
    .filter(([x]) => x >= MARGIN);
  const y = HEIGHT - MARGIN - (Math.min(depth, top) / top) * (HEIGHT - 2 * MARGIN);
  return [...moved, [WIDTH - MARGIN, y]];
}

/** "1.0,2.0 3.0,4.0" as [[1, 2], [3, 4]]. */
export function parsed(text) {
  return text.trim().split(/\s+/).filter(Boolean).map((pair) => pair.split(",").map(Number));
}

const written = (points) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");

const FIELDS = {
  outbox: (value) => (value === null ? "not known" : String(value)),
  outbox_age_seconds: (value) => (value === null ? "–" : `${value.toFixed(1)} s`),
  published_per_second: (value) => (value === null ? "–" : `${value.toFixed(1)}/s`),
};

class OutboxDepth extends LiveTable {
  begin() {
    this.span = Number(this.dataset.minutes) * 60;
    this.top = Math.max(1, Number(this.dataset.top));
    this.last = Date.parse(this.time?.dateTime ?? "");
  }

  draw(snapshot) {
    const at = Date.parse(snapshot.at);
    this.seconds = Number.isNaN(this.last) ? 0 : Math.max(0, (at - this.last) / 1000);
    this.last = at;
    super.draw(snapshot);
  }

  drawRow(row, service) {
    for (const [field, told] of Object.entries(FIELDS)) {
      const cell = row.querySelector(`[data-field="${field}"]`);
      if (cell) cell.textContent = told(service[field] ?? null);
    }
    const line = row.querySelector("polyline");
    if (!line || service.outbox === null) return;
    const points = parsed(line.getAttribute("points") ?? "");
    line.setAttribute("points", written(continued(points, this.seconds, this.span, service.outbox, this.top)));
  }
}

customElements.define("outbox-depth", OutboxDepth);
