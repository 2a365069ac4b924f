/* <outbox-depth>: the server has drawn the table; this keeps its numbers and lines current.
 *
 * The line of each service continues from the points that the server drew: time moves it to
 * the left, at the pace of the snapshots, and the newest depth is added at the right.
 */

import { followObservations } from "../kit/observations.js";

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

class OutboxDepth extends HTMLElement {
  connectedCallback() {
    this.span = Number(this.dataset.minutes) * 60;
    this.top = Math.max(1, Number(this.dataset.top));
    this.time = this.querySelector("time");
    this.state = this.querySelector("[data-state]");
    this.last = Date.parse(this.time?.dateTime ?? "");
    this.visible = false;
    this.stop = followObservations({
      onSnapshot: (snapshot) => this.draw(snapshot),
      onState: (words) => { if (this.state) this.state.textContent = words; },
    });
    this.watch = new IntersectionObserver(([entry]) => { this.visible = entry.isIntersecting; });
    this.watch.observe(this);
  }

  disconnectedCallback() {
    this.stop?.();
    this.watch?.disconnect();
  }

  draw(snapshot) {
    if (document.hidden || !this.visible) return;
    const at = Date.parse(snapshot.at);
    const seconds = Number.isNaN(this.last) ? 0 : Math.max(0, (at - this.last) / 1000);
    this.last = at;
    if (this.time) {
      this.time.dateTime = snapshot.at;
      this.time.textContent = snapshot.at.slice(11, 19);
    }
    for (const service of snapshot.services) {
      const row = this.querySelector(`tr[data-service="${CSS.escape(service.name)}"]`);
      if (row) this.drawRow(row, service, seconds);
    }
  }

  drawRow(row, service, seconds) {
    for (const [field, told] of Object.entries(FIELDS)) {
      const cell = row.querySelector(`[data-field="${field}"]`);
      if (cell) cell.textContent = told(service[field] ?? null);
    }
    const line = row.querySelector("polyline");
    if (!line || service.outbox === null) return;
    const points = parsed(line.getAttribute("points") ?? "");
    line.setAttribute("points", written(continued(points, seconds, this.span, service.outbox, this.top)));
  }
}

customElements.define("outbox-depth", OutboxDepth);
