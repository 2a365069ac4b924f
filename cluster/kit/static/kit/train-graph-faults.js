// Faults that stop no process, such as a slow database: brackets without hatching on the graph.
// The observer lists those in force. A fault has ended when it is no longer listed.

import { outage } from "./train-graph-model.js";

const SERVICES = ["site", "identity", "catalog", "orders", "payments", "checkout"];
// Of these the outage itself is drawn.
const SEEN_AS_OUTAGE = new Set(["kill-process", "pause-process", "restart-process"]);
const KEPT = 90_000; // milliseconds after the end, more than any window shows

export class Faults {
  #spans = new Map();

  // Takes the faults of a snapshot and returns the spans to draw, those that are over included.
  see({ faults, at }) {
    const now = Date.parse(at);
    const inForce = new Set();
    for (const { id, fault, target, armed_at: armed, lasts } of faults ?? []) {
      if (SEEN_AS_OUTAGE.has(fault)) continue;
      inForce.add(id);
      if (this.#spans.has(id)) continue;
      const service = target.split("-").find((part) => SERVICES.includes(part)) ?? null;
      const began = new Date(armed * 1000).toISOString();
      const ended = lasts === false ? began : null; // a fault of a moment is drawn as one
      const span = outage({ id, process: target, service, cause: fault, began, ended });
      this.#spans.set(id, { ...span, fault: true, ...(ended && { momentary: true }) });
    }
    for (const [id, span] of this.#spans) {
      if (!inForce.has(id) && span.ended === null) span.ended = now;
      if (span.ended !== null && span.ended < now - KEPT) this.#spans.delete(id);
    }
    return [...this.#spans.values()];
  }
}
