// What a snapshot of the observer says of each node: as portfolio/architecture/queries.py. No DOM.

const THINNEST = 1.5; // units of the plan
const THICKEST = 6;
export const NOTHING = "–";
const UNREAD = { mark: "unknown", words: "no reading", since: "" };

const grouped = (value) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u00a0");
const few = (value, unit) => value.toFixed(value < 100 ? 1 : 0) + unit;

const FORMS = {
  n: grouped,
  rate: (value) => few(value, "/s"),
  ms: (value) => few(value, " ms"),
  s: duration,
  mb: (value) => `${(value / 1e6).toFixed(0)} MB`,
  pct: (value) => `${value.toFixed(0)} %`,
  text: String,
};

const named = (list, name) => list.find((one) => one.name === name);

const ROOTS = {
  s: (snapshot, rest) => named(snapshot.services, rest.shift()),
  p: (snapshot, rest) => named(snapshot.processes, rest.shift()),
  r: (snapshot) => snapshot.rates,
  g: (snapshot) => snapshot.sagas,
  j: (snapshot) => snapshot.stream,
};

/** The value at a path such as "s/orders/outbox"; null where there is none. */
export function valueAt(path, snapshot) {
  if (!snapshot) return null;
  const [root, ...rest] = path.split("/");
  let found = ROOTS[root](snapshot, rest);
  const types = found?.by_type;
  for (const key of rest) found = found?.[key] ?? (found && found === types ? 0 : null);
  return found ?? null;
}

export function shownAt(path, form, snapshot) {
  const found = valueAt(path, snapshot);
  return found === null ? NOTHING : FORMS[form](found);
}

export function duration(seconds) {
  for (const [unit, size, most] of [["s", 1, 120], ["min", 60, 7200], ["h", 3600, 172800]]) {
    if (seconds < most) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.floor(seconds / 86400)} d`;
}

/** How thick a line of this many messages a second is: a step for every tripling. */
export function weightOf(rate) {
  let thickness = THINNEST;
  for (let left = rate ?? 0; left >= 1 && thickness < THICKEST; left /= 3) thickness += 0.75;
  return thickness;
}

/** The ticks of so many waiting messages; `at` is "x y dx dy most" of a Stack in shapes.py. */
export function ticksOf(at, waiting) {
  const [x, y, dx, dy, most] = at.split(" ").map(Number);
  const across = dx ? "m0 -5v10m0 -5" : "m-5 0h10m-5 0";
  return `M${x} ${y}${`${across}m${dx} ${dy}`.repeat(Math.min(most, Math.floor(waiting ?? 0)))}`;
}

/** How a service or a process is: mark, words, since when it is out, and which part of it. */
export function readingOf(name, snapshot) {
  if (!snapshot) return UNREAD;
  const service = named(snapshot.services, name);
  return service ? ofService(service, snapshot) : ofProcess(named(snapshot.processes, name), snapshot);
}

function ofService(service, snapshot) {
  for (const part of snapshot.processes.filter((process) => process.service === service.name)) {
    const found = ofProcess(part, snapshot);
    if (found.mark === "failed") {
      const short = part.name.replace(`-${service.name}`, "").replace(`${service.name}-`, "");
      return { ...found, part: short };
    }
  }
  if (service.healthy === null) return UNREAD;
  return service.healthy
    ? { mark: "committed", words: "steady", since: "" }
    : { mark: "failed", words: "degraded", since: "" };
}

function ofProcess(process, snapshot) {
  if (!process) return UNREAD;
  const outage = snapshot.outages.find((span) => span.process === process.name && !span.ended);
  if (outage) return { mark: "failed", words: outage.cause, since: outage.began };
  if (process.status === "starting") return { mark: "in-flight", words: "starting", since: "" };
  if (process.healthy === null) return { ...UNREAD, words: process.words || UNREAD.words };
  return process.healthy
    ? { mark: "committed", words: "running", since: "" }
    : { mark: "failed", words: process.words || process.status, since: "" };
}
