// One saga at its own scale of time, with its verbs written beside the marks.

import { SIDE, scaleOf, tenth, yOf } from "./train-graph-model.js";

const SAID_SIDE = 92; // pixels right of it: room for its last words
const SAID_LETTER = 6.3;

// From its first event to its last, or to `now` while it runs.
export function sagaFrame(journeys, now, width) {
  const over = journeys.every(({ ended }) => ended !== null);
  const first = Math.min(...journeys.map((journey) => journey.first));
  const last = over ? Math.max(...journeys.map((journey) => journey.last)) : now;
  const at = Math.max(last, first + 50);
  const pixels = (width - SIDE - SAID_SIDE) / (at - first);
  const begins = first - Math.round(SIDE / pixels);
  const ends = at + Math.round(SAID_SIDE / pixels);
  return { scale: scaleOf(begins, pixels), begins, ends, at, width, counted_from: first, top: 0, moving: false, over };
}

// The verbs, on the side to which the trace does not go on.
export function placeSaid(journeys, { scale, top, at: now }) {
  const placed = [];
  const taken = new Map();
  for (const { legs, stops } of journeys) {
    const rising = legs.filter(({ leaves, origin, target }) => leaves !== null && yOf(target) < yOf(origin));
    const turning = new Set(rising.map(({ origin, since }) => origin + since));
    for (const { at, rail, verb } of stops.toSorted((one, other) => one.at - other.at)) {
      if (at > now) continue;
      const x = tenth(scale.x(at) + 9);
      const rows = (turning.has(rail + at) ? [19, 32] : [-10, -23]).map((row) => yOf(rail) + top + row);
      const y = rows.find((row) => (taken.get(row) ?? x) <= x);
      if (y === undefined) continue;
      taken.set(y, x + verb.length * SAID_LETTER + 6);
      placed.push({ x, y, text: verb });
    }
  }
  return placed;
}
