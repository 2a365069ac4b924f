// Plays a recorded incident: the whole picture stands, and a moment runs through it.

import { SIDE, clock, place, scaleOf, seconds, squashed } from "./train-graph-model.js";
import { Plot } from "./train-graph-plot.js";

const FLAGS_HEIGHT = 46;
const FLAG_ROWS = [11, 25, 39];
const LEAST_PIXELS = 0.04; // for a millisecond; where that is too wide the view follows the moment
const FRAME = 33; // milliseconds between two drawings, at least
const PAGE = 1000; // milliseconds that the moment jumps with reduced motion

const FLAG_LETTER = 6.7; // pixels

const still = matchMedia("(prefers-reduced-motion: reduce)");

// The moment at which so much has been shown: the inverse of `squashed`.
export const stretched = (short, breaks) =>
  breaks.reduce((at, [begins, ends]) => (at > begins ? at + ends - begins : at), short);

export function placeFlags(flags, { scale, at: now }) {
  const taken = FLAG_ROWS.map(() => -Infinity);
  return flags.filter(({ at }) => at <= now).map(({ at, label }) => {
    const x = scale.x(at);
    const row = taken.findIndex((end) => end <= x);
    if (row >= 0) taken[row] = x + label.length * FLAG_LETTER + 10;
    return { x, y: FLAG_ROWS.at(row), text: row >= 0 ? label : "" };
  });
}

export const placeBreaks = ({ scale, top }) => scale.breaks.map(([begins, ends]) => (
  { x: scale.x(begins), y: top, text: `${seconds(ends - begins)} left out` }));

export function play(element) {
  const part = (name) => element.querySelector(`[data-part="${name}"]`);
  const recorded = JSON.parse(element.querySelector('script[type="application/json"]').textContent);
  const { traffic, outages, flags, begins, ends, scale: { breaks } } = recorded;
  const top = flags.length ? FLAGS_HEIGHT : 0;
  const plot = new Plot(part("plot"), top, !element.hasAttribute("unlinked"));
  const length = squashed(ends, breaks) - squashed(begins, breaks);
  const moments = [...new Set([
    ...traffic.journeys.flatMap(({ stops }) => stops.map(({ at }) => at)),
    ...outages.flatMap(({ began, ended }) => [began, ended ?? ends]),
    ...flags.map(({ at }) => at),
  ])].filter((at) => at >= begins && at <= ends).toSorted((one, other) => one - other);

  let shown = length; // how much of the recording is to be seen, in its own milliseconds
  // Until it is played all of it is drawn, and the window shows the fault.
  const fault = Math.min(...outages.map(({ began }) => began), ...flags.map(({ at }) => at));
  let untouched = Number.isFinite(fault);
  let speed = 1;
  let width = 0;
  let running = 0; // the timer of the next drawing, or 0
  let drawnAt = 0;

  const moment = () => Math.round(stretched(squashed(begins, breaks) + shown, breaks));

  function draw() {
    if (!width) return;
    const pixels = Math.max((width - 2 * SIDE) / length, LEAST_PIXELS);
    const margin = Math.round(SIDE / pixels);
    const scale = scaleOf(begins - margin, pixels, breaks);
    const at = moment();
    const whole = scale.x(ends + margin);
    const wanted = untouched ? scale.x(fault) - 0.2 * width : scale.x(at) - 0.75 * width;
    const left = Math.max(0, Math.min(wanted, whole - width));
    const from = Math.round(stretched(squashed(begins - margin, breaks) + left / pixels, breaks));
    const frame = {
      scale, begins: from, ends: ends + margin, at, width, counted_from: null, top, moving: false,
    };
    const scene = {
      ...place(traffic, outages, frame), flags: placeFlags(flags, frame), breaks: placeBreaks(frame),
    };
    plot.draw(scene, left, false, ({ headcode, outcome }) =>
      `${headcode}, ${outcome === "running" ? "in flight" : outcome}`);
    const told = `${clock(at, 23)}, ${(shown / 1000).toFixed(1)} s of ${(length / 1000).toFixed(1)} s`;
    part("state").textContent = told;
    part("scrub").value = shown;
    part("scrub").setAttribute("aria-valuetext", told);
  }

  function advance() {
    const now = performance.now();
    const passed = (now - drawnAt) * speed;
    if (!still.matches || passed >= PAGE) {
      shown = Math.min(length, shown + passed);
      drawnAt = now;
      draw();
    }
    running = 0;
    if (shown < length) go();
    else part("play").textContent = "Play again";
  }

  function go() {
    running = setTimeout(() => requestAnimationFrame(advance), FRAME);
  }

  function stop() {
    clearTimeout(running);
    running = 0;
    part("play").textContent = "Play";
  }

  function press(target) {
    if (target.dataset.part) untouched = false;
    const { part: name, speed: chosen } = target.dataset;
    if (chosen) {
      speed = Number(chosen);
      for (const button of element.querySelectorAll("[data-speed]")) {
        button.setAttribute("aria-pressed", String(button === target));
      }
    } else if (name === "play" && running) {
      stop();
    } else if (name === "play") {
      if (shown >= length) shown = 0;
      drawnAt = performance.now();
      target.textContent = "Pause";
      go();
    } else if (name === "step") {
      stop();
      const here = shown >= length ? begins - 1 : moment();
      const next = moments.find((at) => at > here) ?? ends;
      shown = squashed(next, breaks) - squashed(begins, breaks);
      draw();
    }
  }

  part("controls").classList.add("offered");
  part("scrub").classList.add("offered");
  part("scrub").max = length;
  part("controls").addEventListener("click", ({ target }) => press(target));
  part("scrub").addEventListener("input", () => {
    stop();
    untouched = false;
    shown = Number(part("scrub").value);
    draw();
  });
  element.classList.add("drawn-here");
  for (const name of ["tabindex", "role", "aria-label"]) part("scroll").removeAttribute(name);
  plot.describe("Train graph of a recorded incident; the arrow keys go from checkout to checkout",
    element.closest("figure").querySelector('[data-part="words"]').textContent);
  new ResizeObserver(([{ contentRect }]) => {
    width = Math.round(contentRect.width);
    plot.resize(width);
    draw();
  }).observe(part("plot"));
}
