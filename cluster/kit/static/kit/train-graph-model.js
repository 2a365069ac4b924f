// The train graph without a page: events to journeys, journeys to a scene, a scene to words.
// cluster/kit/graph/{model,scale,layout,words}.py do the same; one fixture holds both to it.

export const RAILS = ["IDN", "CAT", "PAY", "ORD", "CHK"];
export const SHARED = "SHR";
const ENTRY = "WEB";
const COORDINATOR = "CHK";
const CODES = { site: "WEB", identity: "IDN", catalog: "CAT", orders: "ORD", payments: "PAY", checkout: "CHK" };
const TURNED = "checkout.checkout_turned.v1";
const COMPLETED = "checkout.checkout_completed.v1";
const STARTS = {
  "checkout.start_checkout.v1": "checkout",
  "orders.request_refund.v1": "refund",
  "identity.request_erasure.v1": "erasure",
};
const OUTCOME = /^(?:checkout\.checkout|orders\.refund|identity\.erasure)_(completed|compensated|refused|abandoned)\./;
const TICKS = {
  message_deduplicated: "deduplicated",
  credentials_rotated: "credentials",
  message_parked: "parked",
};

export const drawnOn = (code) => (RAILS.includes(code) ? code : SHARED);

// An event of the stream, as far as the graph needs it.
export function graphEvent({ seq, time, code, type, mark, verb, correlation, headcode }) {
  return { seq, at: Date.parse(time), code, type, mark, verb, saga: correlation, headcode };
}

// An outage of the observer.
export function outage({ id, process, service, cause, began, ended }) {
  const rail = drawnOn(CODES[service]);
  return { id, process, rail, cause, began: Date.parse(began), ended: ended ? Date.parse(ended) : null };
}

export function readTraffic(events) {
  const readers = new Map();
  const ticks = [];
  for (const event of events) {
    const kind = TICKS[event.type.split(".")[1]];
    if (kind) {
      ticks.push({ at: event.at, rail: drawnOn(event.code), kind, seq: event.seq });
      continue;
    }
    if (!readers.has(event.saga)) readers.set(event.saga, new Reader(event));
    readers.get(event.saga).read(event);
  }
  return { journeys: [...readers.values()].map((reader) => reader.finish()), ticks };
}

class Reader {
  #place; // the rail on which the saga is, and since when
  #asked = new Map(); // what was asked for and not answered: from which place, and when
  #turned = false;

  constructor({ saga, headcode, type, at }) {
    const kind = STARTS[type];
    this.journey = {
      id: saga, headcode, kind: kind ?? "other", began: kind ? at : null, ended: null,
      outcome: "running", first: at, last: at, legs: [], stops: [],
    };
    this.#place = kind ? { rail: ENTRY, since: at } : null;
  }

  read(event) {
    const { journey } = this;
    journey.last = Math.max(journey.last, event.at);
    if (event.code === COORDINATOR && journey.kind === "other") journey.kind = "checkout";
    if (event.mark === "in-flight") {
      this.#ask(event);
      return;
    }
    if (event.type === TURNED) {
      this.#turn(event);
    } else if (this.#asked.has(event.code)) {
      const { place, leaves } = this.#asked.get(event.code);
      this.#asked.delete(event.code);
      this.#arrive(event, place, leaves, this.#turned ? "dashed" : "solid");
    } else if (event.type === COMPLETED) {
      this.#arrive(event, this.#place, this.#place?.since ?? event.at, "solid");
    } else {
      this.#stop(event, true);
    }
    const outcome = OUTCOME.exec(event.type)?.[1];
    if (outcome && journey.ended === null) Object.assign(journey, { ended: event.at, outcome });
  }

  finish() {
    const { journey } = this;
    const style = this.#turned ? "dashed" : "solid";
    for (const [target, { place, leaves }] of this.#asked) {
      if (place) this.#leg(place, leaves, target, null, style);
    }
    if (!this.#asked.size && journey.ended === null && journey.began && this.#place) {
      this.#leg(this.#place, null, this.#place.rail, null, style);
    }
    return journey;
  }

  #ask(event) {
    const target = CODES[event.type.split(".")[0]] ?? "";
    if (target !== COORDINATOR && !this.#asked.has(target)) {
      this.#asked.set(target, { place: this.#place, leaves: event.at });
    }
  }

  // Marks each service that has not answered as unknown, since its outcome is.
  #turn(event) {
    for (const [target, { place, leaves }] of this.#asked) {
      if (place) this.#leg(place, leaves, target, event.at, "dotted");
      const { at, seq } = event;
      this.journey.stops.push({ at, rail: target, mark: "unknown", verb: "unanswered", seq, small: false });
      this.#place = { rail: target, since: at };
    }
    this.#asked.clear();
    this.#turned = true;
    this.#stop(event, true);
  }

  #arrive(event, place, leaves, style) {
    if (place) this.#leg(place, leaves, event.code, event.at, style);
    this.#stop(event, false);
    this.#place = { rail: event.code, since: event.at };
  }

  #leg({ rail, since }, leaves, target, arrives, style) {
    this.journey.legs.push({ origin: rail, since, leaves, target, arrives, style });
  }

  #stop({ at, code, mark, verb, seq }, small) {
    this.journey.stops.push({ at, rail: drawnOn(code), mark, verb, seq, small });
  }
}

// Layout --------------------------------------------------------------------------------

export const HEIGHT = 366;
export const AXIS_Y = 357;
export const SHARED_Y = 334;
export const HEADCODE_Y = 24;
export const NOW_MARGIN = 44;
export const SIDE = 26;
export const WAITING_GAP = 4;

const NARROW = 480;
const STEPS = [
  [10, 2], [20, 5], [50, 10], [100, 20], [200, 50], [500, 100], [1000, 200], [2000, 500],
  [5000, 1000], [10000, 2000], [30000, 5000], [60000, 10000], [300000, 60000],
];
const NOW_WORDS = 34;
const TIME_LETTER = 6.6;
const DENSE = 0.03;
const LETTER = 6.7;

export const tenth = (value) => Math.floor(value * 10 + 0.5) / 10;
export const clock = (at, end = 19) => new Date(at).toISOString().slice(11, end);
export const seconds = (duration) =>
  duration >= 1000 ? `${tenth(duration / 1000).toFixed(1)} s` : `${duration} ms`;

export function yOf(code) {
  if (code === "WEB") return 31;
  const rail = RAILS.indexOf(code);
  return rail < 0 ? SHARED_Y : 54 + 58 * rail;
}

// A moment less all that is left out before it.
export const squashed = (at, breaks) =>
  breaks.reduce((left, [begins, ends]) => left - Math.max(0, Math.min(at, ends) - begins), at);

// `origin` lies at x = 0; `pixels` is for each millisecond.
export function scaleOf(origin, pixels, breaks = []) {
  const zero = squashed(origin, breaks);
  return { origin, pixels, breaks, x: (at) => tenth((squashed(at, breaks) - zero) * pixels) };
}

// The module of a recording or of one saga adds what only that has: flags, breaks and verbs.
export function place(traffic, outages, frame) {
  const { scale, top } = frame;
  return {
    grid: grid(frame),
    breaks: [],
    flags: [],
    brackets: placeBrackets(traffic.journeys, outages, frame),
    ticks: traffic.ticks
      .filter(({ at }) => frame.begins <= at && at <= frame.at)
      .map(({ at, rail, kind }) => ({ x: scale.x(at), y: yOf(rail) + top, kind })),
    traces: placeTraces(traffic.journeys, frame),
    said: [],
    now: scale.x(frame.at),
  };
}

export const visible = (journey, frame) =>
  journey.first <= frame.at && !(journey.ended !== null && journey.last < frame.begins);

function grid({ scale, begins, ends, at: now, width, counted_from, moving }) {
  const every = width < NARROW ? 84 : 150;
  const [labelled, thin] = STEPS.find(([step]) => step * scale.pixels >= every) ?? STEPS.at(-1);
  const zero = counted_from ?? 0;
  const left = scale.x(begins);
  const lines = [];
  for (let at = Math.ceil((begins - zero) / thin) * thin; at <= ends - zero; at += thin) {
    if (scale.breaks.some(([from, to]) => from < at + zero && at + zero < to)) continue;
    const x = scale.x(at + zero);
    const hidden = at % labelled !== 0 || (moving && x > scale.x(now) - NOW_WORDS);
    const label = hidden ? "" : timeLabel(at, counted_from);
    const half = label.length * TIME_LETTER / 2;
    const cut = x < left + half || x > left + width - half;
    lines.push({ x, strong: at % labelled === 0, label: cut ? "" : label });
  }
  return lines;
}

function timeLabel(at, counted) {
  if (counted === null) return clock(at);
  if (at === 0) return "0";
  return at % 1000 ? seconds(at) : `${at / 1000} s`;
}

function placeTraces(journeys, frame) {
  let free = -Infinity; // the headcodes' row is taken up to here
  const left = frame.scale.x(frame.begins);
  return journeys.filter((journey) => visible(journey, frame)).map((journey) => {
    let label = null;
    if (journey.began !== null) {
      const x = tenth(frame.scale.x(journey.began) - 4);
      if (x >= Math.max(free, left) || (journey.id === frame.own && x >= left)) {
        label = x;
        free = x + 42;
      }
    }
    return placeTrace(journey, frame, label);
  });
}

function placeTrace(journey, frame, label) {
  const { scale, top, at: now } = frame;
  const [full, small] = scale.pixels < DENSE ? [0.7, 0.45] : [1, 0.55];
  const drawn = new Map();
  const marks = [];
  for (const leg of journey.legs) {
    if (leg.since > now) continue;
    const [style, d, end] = legPath(leg, frame);
    drawn.set(style, (drawn.get(style) ?? "") + d);
    if (end) marks.push({ mark: "in-flight", x: end[0], y: end[1], size: full, seq: 0 });
  }
  for (const { at, rail, mark, small: beside, seq } of journey.stops) {
    if (at <= now) marks.push({ mark, x: scale.x(at), y: yOf(rail) + top, size: beside ? small : full, seq });
  }
  return {
    id: journey.id,
    ...(journey.id === frame.own && { own: true }),
    headcode: journey.headcode,
    outcome: journey.ended !== null && journey.ended <= now ? journey.outcome : "running",
    label,
    paths: [...drawn].map(([style, d]) => ({ style, d })),
    marks,
  };
}

function legPath({ origin, since, leaves, target, arrives, style }, { scale, top, at: now }) {
  const fromY = yOf(origin) + top;
  const toY = yOf(target) + top;
  const going = style === "dashed" ? "dashed" : "solid";
  let d = `M${scale.x(since)} ${fromY}`;
  if (leaves === null || leaves > now) {
    return [going, `${d}L${scale.x(now)} ${fromY}`, [scale.x(now), fromY]];
  }
  if (leaves > since) d += `L${scale.x(leaves)} ${fromY}`;
  if (arrives === null || arrives > now) {
    return [going, `${d}L${scale.x(now)} ${toY}`, [scale.x(now), toY]];
  }
  return [style, `${d}L${scale.x(arrives)} ${toY}`, null];
}

export function waiting(journeys, { rail, began, ended }, at) {
  if (at < began) return 0;
  const until = ended === null ? at : Math.min(at, ended);
  return journeys.flatMap(({ legs }) => legs).filter(({ target, leaves, arrives }) =>
    (rail === SHARED || rail === target) && leaves !== null && leaves <= until
    && (arrives === null || arrives > at)).length;
}

function placeBrackets(journeys, outages, frame) {
  const { scale, at: now, top, width } = frame;
  const left = scale.x(frame.begins) + 6;
  const taken = new Map(); // how far each row of labels is taken
  const brackets = [];
  for (const span of outages) {
    const closed = span.ended !== null && span.ended <= now && !span.momentary;
    const ends = closed || span.momentary ? span.ended : now;
    if (span.began > now || ends < frame.begins) continue;
    const x = scale.x(span.began);
    const right = scale.x(ends);
    const y = yOf(span.rail) + top;
    const cause = `${span.process} ${width < NARROW ? "" : `${span.cause} `}${clock(span.began, width < NARROW ? 19 : 23)}`;
    const recovery = `recovered +${seconds(ends - span.began)}`;
    const start = Math.max(x, left);
    const after = Math.max(start + cause.length * LETTER + 12, right + 10);
    const row = (span.rail === SHARED ? [-14, -27] : [25, 38]).find((row) => !(taken.get(y + row) > start));
    if (row) taken.set(y + row, (closed ? after + recovery.length * LETTER : after) + 8);
    brackets.push({
      id: span.id, x, y, width: tenth(Math.max(right - x, 3)), closed, ...(span.fault && { fault: true }),
      waiting: Math.min(waiting(journeys, span, now), 24),
      cause: row ? { x: tenth(start), y: y + row, text: cause } : null,
      recovery: row && closed ? { x: tenth(after), y: y + row, text: recovery } : null,
    });
  }
  return brackets;
}

// Words ---------------------------------------------------------------------------------

const COUNTED = [["completed", "completed"], ["compensated", "compensated"], ["running", "in flight"]];

// One journey in one sentence.
export function describe({ headcode, outcome, began, ended, stops }) {
  const path = stops.filter(({ small }) => !small).map(({ rail, verb }) => `${rail} ${verb}`).join(", ");
  // One whose beginning was not seen has ended all the same, after nobody knows how long.
  const took = began === null ? "" : ` in ${seconds(ended - began)}`;
  const how = ended === null ? "Under way" : `${outcome[0].toUpperCase()}${outcome.slice(1)}${took}`;
  return `${headcode}. ${how}: ${path || "nobody has answered yet"}.`;
}

export function summary(journeys, outages, { begins, at }, during) {
  const count = journeys.length;
  const parts = COUNTED
    .map(([outcome, words]) => [journeys.filter((journey) => journey.outcome === outcome).length, words])
    .filter(([number]) => number)
    .map((part) => part.join(" "));
  const counted = count ? `${count} checkout${count > 1 ? "s" : ""} ${during}: ${parts.join(", ")}.` : `No checkout ${during}.`;
  const gone = outages
    .filter(({ began, ended }) => began <= at && (ended ?? at) >= begins)
    .map((span) => away(span, at));
  return [counted, ...gone].join(" ");
}

function away({ process, cause, began, ended, momentary }, at) {
  if (momentary) return `${process}: ${cause} at ${clock(began)}.`;
  if (ended === null || ended > at) return `${process} has been away since ${clock(began)}: ${cause}.`;
  return `${process} was away for ${seconds(ended - began)}: ${cause}.`;
}
