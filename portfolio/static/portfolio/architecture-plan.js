// Brings what is drawn up to a snapshot: states, numbers, weights, stacks, rails. Adds no nodes.

import { duration, readingOf, shownAt, ticksOf, valueAt, weightOf } from "./architecture-reading.js";

const SVG = "http://www.w3.org/2000/svg";
const MARKS = ["in-flight", "committed", "compensated", "failed", "unknown"];
const LONGEST_WORDS = 25; // characters that fit on a plate, as in drawing.py
const WINDOW = 600; // seconds of the rails

const set = (element, text) => {
  if (element && element.textContent !== text) element.textContent = text;
};
const attribute = (element, name, value) => {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
};
const fit = (words) =>
  words.length <= LONGEST_WORDS ? words : `${words.slice(0, LONGEST_WORDS - 1).trimEnd()}…`;

/** Show a snapshot, or that there is none; returns the states by the names of the nodes. */
export function show(root, snapshot) {
  const states = new Map();
  for (const element of root.querySelectorAll("[data-node], [data-facts], [data-row]")) {
    const name = element.dataset.node ?? element.dataset.facts ?? element.dataset.row;
    if (name === "browser") continue;
    if (!states.has(name)) states.set(name, readingOf(name, snapshot));
    showState(element, states.get(name));
  }
  for (const element of root.querySelectorAll("[data-value]")) {
    set(element, shownAt(element.dataset.value, element.dataset.form, snapshot));
  }
  for (const link of root.querySelectorAll("[data-rate]")) {
    attribute(link, "stroke-width", String(weightOf(valueAt(link.dataset.rate, snapshot))));
  }
  for (const stack of root.querySelectorAll("[data-stack]")) {
    attribute(stack, "d", ticksOf(stack.dataset.at, valueAt(stack.dataset.stack, snapshot)));
  }
  if (snapshot) {
    for (const rail of root.querySelectorAll("[data-rail]")) showRail(rail, snapshot);
  }
  return states;
}

function showState(element, { mark, words, since, part = "" }) {
  const told = part ? `${part}: ${words}` : words;
  for (const other of MARKS) element.classList.toggle(other, other === mark);
  element.classList.toggle("out", mark === "failed");
  for (const use of element.querySelectorAll("use")) attribute(use, "href", `#mark-${mark}`);
  const onPlan = element.dataset.row === undefined;
  set(element.querySelector('[data-part="words"]'), onPlan ? fit(words) : told);
  set(element.querySelector('[data-part="part"]'), part);
  if (element.dataset.node !== undefined) {
    const label = element.getAttribute("aria-label");
    attribute(element, "aria-label", `${label.slice(0, label.indexOf(": "))}: ${told}`);
  }
  if (since) attribute(element, "data-since", since);
  else element.removeAttribute("data-since");
}

/** Count the seconds of what is out; `now` is the observer's, in milliseconds. */
export function count(root, now) {
  for (const clock of root.querySelectorAll('[data-since] [data-part="clock"]')) {
    const since = Date.parse(clock.closest("[data-since]").dataset.since);
    set(clock, duration(Math.max(0, (now - since) / 1000)));
  }
}

function showRail(rail, snapshot) {
  const now = Date.parse(snapshot.at);
  const spans = snapshot.outages.filter((span) => span.process === rail.dataset.rail);
  const percent = (moment) => Math.max(0, 100 - (now - Date.parse(moment)) / WINDOW / 10);
  const brackets = spans.map((span, index) => {
    const x = percent(span.began);
    const width = Math.max(0.3, (span.ended ? percent(span.ended) : 100) - x);
    const drawn = make("g", {});
    drawn.append(make("rect", { class: "bracket", x: `${x}%`, y: 8, width: `${width}%`, height: 16, fill: "url(#hatch-rails)" }));
    if (span.ended) drawn.append(make("circle", { class: "ring", cx: `${x + width}%`, cy: 16, r: 5.5 }));
    if (index === spans.length - 1) {
      const text = make("text", { x: `${x}%`, y: 40, "text-anchor": x > 60 ? "end" : "start" });
      text.textContent = words(span);
      drawn.append(text);
    }
    return drawn;
  });
  rail.replaceChildren(rail.firstElementChild, ...brackets);
  attribute(rail, "aria-label", `${rail.dataset.rail}: ${spans.map(words).join("; ") || "no outage"}`);
}

const words = (span) =>
  `${span.cause}, ${span.ended ? `+${span.seconds.toFixed(1)} s` : "still out"}`;

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
