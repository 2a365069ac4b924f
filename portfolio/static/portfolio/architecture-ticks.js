// Ticks that pass along the links at their measured rates. Nothing moves without a measurement,
// off screen, in a hidden page, or where the reader wants no motion.

import { valueAt } from "./architecture-reading.js";

const FASTEST = 3; // ticks a second on one link; more could not be told apart
const SPEED = 80; // units a second
const HALF = 5; // of a tick's length

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Ticks {
  #root;
  #snapshot = null;
  #tracks = [];
  #frame = 0;
  #before = 0;
  #seen = false;
  #watch = new IntersectionObserver((entries) => {
    this.#seen = entries.some((entry) => entry.isIntersecting);
    this.#run();
  });

  constructor(root) {
    this.#root = root;
  }

  start() {
    for (const plan of this.#root.querySelectorAll(".plan")) {
      this.#watch.observe(plan);
      const layer = plan.querySelector('[data-part="ticks"]');
      const own = [...plan.querySelectorAll("[data-rate]")].map((path) => makeTrack(path, layer));
      // What arrives at a worker goes on to its service, and is not counted twice.
      for (const track of own) {
        track.next = own.find((one) => one.source === track.target && one.rate === track.rate);
        if (track.next) track.next.fed = true;
      }
      this.#tracks.push(...own);
    }
    still.addEventListener("change", this.#run);
    document.addEventListener("visibilitychange", this.#run);
  }

  stop() {
    this.#watch.disconnect();
    cancelAnimationFrame(this.#frame);
    still.removeEventListener("change", this.#run);
    document.removeEventListener("visibilitychange", this.#run);
  }

  follow(snapshot) {
    this.#snapshot = snapshot;
    this.#run();
  }

  #run = () => {
    cancelAnimationFrame(this.#frame);
    if (this.#snapshot && this.#seen && !document.hidden && !still.matches) {
      this.#before = performance.now();
      this.#frame = requestAnimationFrame(this.#draw);
    } else {
      for (const track of this.#tracks) {
        track.at = [];
        track.drawn.removeAttribute("d");
      }
    }
  };

  #draw = (now) => {
    const passed = Math.min(0.1, (now - this.#before) / 1000);
    this.#before = now;
    for (const track of this.#tracks) {
      if (track.length === 0) continue;
      const arrived = move(track, passed);
      if (track.next) for (let one = 0; one < arrived; one += 1) track.next.at.push(0);
      if (!track.fed) {
        const rate = valueAt(track.rate, this.#snapshot) ?? 0;
        track.due += Math.min(FASTEST, rate) * passed;
        if (track.due >= 1) {
          track.due -= 1;
          track.at.push(0);
        }
      }
      const d = track.at.map((at) => tick(track.path, at)).join("");
      if (d || track.shown) track.drawn.setAttribute("d", d);
      track.shown = d !== "";
    }
    this.#frame = requestAnimationFrame(this.#draw);
  };
}

function makeTrack(path, layer) {
  const [source, target] = path.dataset.link.split(">");
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drawn.setAttribute("class", "tick");
  layer.append(drawn);
  // A plan that is not shown has no lengths: its ticks never start.
  const length = path.checkVisibility?.() === false ? 0 : path.getTotalLength();
  return { path, drawn, source, target, length, rate: path.dataset.rate, at: [], due: Math.random() };
}

function move(track, passed) {
  const moved = track.at.map((at) => at + SPEED * passed);
  track.at = moved.filter((at) => at < track.length);
  return moved.length - track.at.length;
}

// The tracks are straight and upright or level: a tick stands across.
function tick(path, at) {
  const { x, y } = path.getPointAtLength(at);
  const level = Math.abs(path.getPointAtLength(at + 1).y - y) < 0.5 && Math.abs(path.getPointAtLength(at - 1).y - y) < 0.5;
  return level ? `M${x} ${y - HALF}v${2 * HALF}` : `M${x - HALF} ${y}h${2 * HALF}`;
}
