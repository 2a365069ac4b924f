// A scene as SVG in the page: cluster/kit/graph/svg.py in the browser, changed in place.

import { ownMarkup } from "./own-markup.js";
import { AXIS_Y, HEADCODE_Y, HEIGHT, RAILS, SHARED, SHARED_Y, WAITING_GAP, yOf } from "./train-graph-model.js";

const SVG = "http://www.w3.org/2000/svg";
const BOTTOM = SHARED_Y + 8;
const SHAPES = {
  "in-flight": '<circle r="5.5"/>',
  committed: '<circle r="5.75"/>',
  compensated: '<path d="M0-7.5 7.5 0 0 7.5-7.5 0z"/>',
  failed: '<path d="M-6.5-6.5h13v13h-13z"/><path class="cross" d="m-3-3 6 6m0-6-6 6"/>',
  unknown: '<circle r="6.5"/>',
};
const TICKS = {
  deduplicated: '<path d="M0-8V8M-4.5 3.5 4.5-3.5"/>',
  credentials: '<path d="M0 0V9"/>',
  parked: '<path d="M-3-8H3M0-8V0"/>',
};

const escaped = (text) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const words = (name, { x, y, text }) => `<text class="${name}" x="${x}" y="${y}">${escaped(text)}</text>`;
const lines = (grid, wanted, top) =>
  grid.filter(({ strong }) => strong === wanted).map(({ x }) => `M${x} ${top}V${BOTTOM + top}`).join("");

export class Plot {
  #svg;
  #top;
  #hatch;
  #groups = {};
  #written = new Map(); // what a part last held, so that nothing is written twice
  #traces = new Map();
  #current = null; // the trace that the keyboard stops at
  #linked; // whether the sagas have pages here

  constructor(svg, top = 0, linked = true) {
    this.#svg = svg;
    this.#top = top;
    this.#linked = linked;
    this.#hatch = svg.querySelector("pattern").id;
    const defs = svg.querySelector("defs");
    svg.querySelector("title").remove(); // it would hang over the whole figure as a tooltip
    while (defs.nextSibling) defs.nextSibling.remove();
    for (const name of ["back", "rails", "front", "now", "traces", "labels"]) {
      this.#groups[name] = svg.appendChild(document.createElementNS(SVG, "g"));
    }
    svg.setAttribute("role", "group");
    svg.addEventListener("keydown", (event) => this.#rove(event));
    svg.addEventListener("focusin", ({ target }) => this.#stopAt(target.closest(".trace")));
  }

  resize(width) {
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT + this.#top}`);
    const rails = [...RAILS, SHARED].map((code) =>
      `<path class="rail${code === SHARED ? " shared" : ""}" d="M0 ${yOf(code) + this.#top}H${width}"/>`);
    this.#write("rails", rails.join(""));
  }

  describe(title, text) {
    this.#svg.setAttribute("aria-label", title);
    this.#svg.removeAttribute("aria-labelledby");
    this.#svg.querySelector("desc").textContent = text;
  }

  // `left` is the x of the scene that lies at the left edge.
  draw(scene, left, moving, describe) {
    for (const name of ["back", "front", "traces", "labels"]) {
      this.#groups[name].setAttribute("transform", `translate(${-left} 0)`);
    }
    const top = this.#top;
    this.#write("back", `<path class="grid" d="${lines(scene.grid, false, top)}"/>`
      + `<path class="grid strong" d="${lines(scene.grid, true, top)}"/>`
      + scene.grid.filter(({ label }) => label)
        .map(({ x, label }) => `<text class="time" x="${x}" y="${AXIS_Y + top}">${label}</text>`).join("")
      + scene.breaks.map((gap) => this.#torn(gap)).join(""));
    this.#write("front", scene.flags.map((flag) =>
      `<path class="flag" d="M${flag.x} ${flag.y - 8}V${BOTTOM + top}"/>${flag.text && words("flag-words", { ...flag, x: flag.x + 4 })}`).join("")
      + scene.brackets.map((bracket) => this.#bracket(bracket)).join("")
      + scene.ticks.map(({ x, y, kind }) =>
        `<g class="tick ${kind}" transform="translate(${x} ${y})">${TICKS[kind]}</g>`).join(""));
    this.#write("labels", scene.brackets.map(({ cause, recovery }) =>
      (cause ? words("cause", cause) : "") + (recovery ? words("recovery", recovery) : "")).join("")
      + scene.said.map((said) => words("said", said)).join(""));
    const now = scene.now - left;
    this.#write("now", moving ? `<g class="now"><path d="M${now} ${top}V${BOTTOM + top}"/>`
      + `<text x="${now + 6}" y="${AXIS_Y + top}">now</text></g>` : "");
    this.#drawTraces(scene.traces, describe);
  }

  #write(name, text) {
    if (this.#written.get(name) === text) return;
    this.#written.set(name, text);
    this.#groups[name].innerHTML = ownMarkup(text);
  }

  #drawTraces(traces, describe) {
    const gone = new Set(this.#traces.keys());
    for (const trace of traces) {
      gone.delete(trace.id);
      let link = this.#traces.get(trace.id);
      if (!link) {
        link = document.createElementNS(SVG, this.#linked ? "a" : "g");
        link.setAttribute("class", "trace");
        if (this.#linked) link.setAttribute("href", `/sagas/${trace.id}/`);
        else link.setAttribute("role", "img");
        link.setAttribute("tabindex", "-1");
        link.dataset.saga = trace.id;
        this.#traces.set(trace.id, link);
        this.#groups.traces.append(link);
      }
      if (trace.own) link.classList.add("own");
      const text = this.#traceText(trace);
      if (this.#written.get(trace.id) === text) continue;
      this.#written.set(trace.id, text);
      link.innerHTML = ownMarkup(text);
      link.setAttribute("aria-label", describe(trace));
    }
    for (const id of gone) this.#remove(id);
    if (!this.#current) this.#stopAt(this.#groups.traces.lastElementChild);
  }

  #remove(id) {
    const link = this.#traces.get(id);
    const next = link.nextElementSibling;
    if (link === document.activeElement) next?.focus();
    if (link === this.#current) this.#stopAt(next);
    link.remove();
    this.#traces.delete(id);
    this.#written.delete(id);
  }

  #traceText({ headcode, label, paths, marks }) {
    const head = label === null ? ""
      : `<text class="head" x="${label}" y="${HEADCODE_Y + this.#top}">${escaped(headcode)}</text>`;
    const near = paths.map(({ d }) => d).join("");
    return `<path class="near" d="${near}"/>${head}${paths.map(({ style, d }) => `<path class="${style}" d="${d}"/>`).join("")}`
      + marks.map(({ mark, x, y, size, seq }) =>
        `<g class="mark ${mark}" transform="translate(${x} ${y})${size === 1 ? "" : ` scale(${size})`}" data-seq="${seq}">${SHAPES[mark]}</g>`).join("");
  }

  #torn({ x, text }) {
    const teeth = "l4 6l-4 6".repeat(Math.floor(BOTTOM / 12));
    const top = this.#top;
    return `<path class="break" d="M${x - 2} ${top}${teeth}M${x + 2} ${top}${teeth}"/>`
      + words("left-out", { x: x + 5, y: top + 18, text });
  }

  #bracket({ id, x, y, width, closed, waiting, fault }) {
    const ring = closed ? `<circle class="ring" cx="${x + width}" cy="${y}" r="7"/>` : "";
    const queue = Array.from({ length: waiting }, (_, n) => `M${x - 5 - n * WAITING_GAP} ${y - 7}v14`);
    const box = `x="${x}" y="${y - 9}" width="${width}" height="18"`;
    const filling = fault ? "none" : `url(#${this.#hatch})`; // the rail of what only limps goes on
    return `<g class="outage" data-outage="${escaped(id)}">${fault ? "" : `<rect class="ground" ${box}/>`}`
      + `<rect class="bracket" fill="${filling}" ${box}/><path class="queue" d="${queue.join("")}"/>${ring}</g>`;
  }

  #stopAt(link) {
    if (link === this.#current) return;
    this.#current?.setAttribute("tabindex", "-1");
    this.#current = link ?? null;
    link?.setAttribute("tabindex", "0");
  }

  // The arrow keys go from trace to trace; Enter follows the link, as everywhere.
  #rove(event) {
    const all = this.#groups.traces.children;
    const here = [...all].indexOf(document.activeElement);
    const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: all.length - 1 }[event.key];
    if (here < 0 || !all[to]) return;
    event.preventDefault();
    all[to].focus();
  }
}
