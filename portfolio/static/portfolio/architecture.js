// <architecture-canvas level="region|service|instance">: the plan that the server has drawn,
// kept at what the observer measures, with movement between its levels, keys and one path.

import { followObservations } from "../kit/observations.js";
import { count, show } from "./architecture-plan.js";
import { PathDrawer } from "./architecture-path.js";
import { Ticks } from "./architecture-ticks.js";
import { go, ours } from "./architecture-zoom.js";

const SPEAK_EVERY = 2000; // milliseconds between two sentences to a screen reader
const FRESH = 4000; // milliseconds; the observer speaks every second
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// One plan takes the place of another; between the two the socket stays open.
followObservations({});

class ArchitectureCanvas extends HTMLElement {
  #stop = null;
  #ticks = null;
  #path = null;
  #timer = 0;
  #states = null; // by name, once there has been a snapshot
  #heardAt = 0; // when the last snapshot came, by performance.now()
  #ahead = 0; // milliseconds that the observer's clock is ahead of ours
  #unsaid = [];
  #spokenAt = 0;

  connectedCallback() {
    this.#ticks = new Ticks(this);
    this.#ticks.start();
    if (this.getAttribute("level") === "region") this.#path = new PathDrawer(this);
    this.addEventListener("click", this.#click);
    document.addEventListener("keydown", this.#key);
    this.#timer = setInterval(this.#second, 1000);
    this.#stop = followObservations({
      onSnapshot: (snapshot) => this.#receive(snapshot),
      onState: (words) => { this.#connection = words; },
    });
  }

  disconnectedCallback() {
    this.#stop?.();
    this.#ticks?.stop();
    this.#path?.stop();
    clearInterval(this.#timer);
    document.removeEventListener("keydown", this.#key);
  }

  set #connection(words) {
    const part = this.#part("connection");
    if (part) part.textContent = words;
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  #receive(snapshot) {
    this.#heardAt = performance.now();
    this.#ahead = Date.parse(snapshot.at) - Date.now();
    this.#part("away")?.setAttribute("hidden", "");
    this.#update(snapshot);
  }

  #update(snapshot) {
    const states = show(this, snapshot);
    count(this, Date.now() + this.#ahead);
    this.#ticks.follow(snapshot);
    if (this.#states) {
      for (const [name, { mark, words, part }] of states) {
        if (this.#states.get(name)?.mark !== mark) this.#unsaid.push(`${name}: ${part ? `${part} ` : ""}${words}.`.replace("..", "."));
      }
    }
    this.#states = states;
    this.#speak();
  }

  // Silence is news, too: what was measured long ago is no reading.
  #second = () => {
    count(this, Date.now() + this.#ahead);
    if (this.#states && this.#heardAt && performance.now() - this.#heardAt > FRESH && !document.hidden) {
      this.#heardAt = 0;
      this.#part("away")?.removeAttribute("hidden");
      this.#update(null);
    }
    this.#speak();
  };

  #speak() {
    if (this.#unsaid.length === 0 || performance.now() - this.#spokenAt < SPEAK_EVERY) return;
    this.#spokenAt = performance.now();
    this.#part("changes").textContent = this.#unsaid.splice(0).join(" ");
  }

  #click = (event) => {
    const link = event.target.closest("a");
    if (!link || link.hasAttribute("target") || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const address = new URL(link.getAttribute("href"), location.href);
    if (!ours(address)) return;
    event.preventDefault();
    go(address, { from: link.closest("[data-node]") });
  };

  #key = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("dialog, input:not([type=radio]), select, textarea")) return;
    if (event.key === "Escape") {
      const up = this.querySelector('[rel="up"]');
      if (up && !document.querySelector("dialog[open]")) go(up.href);
    } else if (event.key === "p" && wantsKeys()) {
      this.#part("start")?.requestSubmit();
    } else if (ARROWS[event.key]) {
      const node = event.target.closest?.("a[data-node]");
      const next = node && neighbour(node, ARROWS[event.key]);
      if (next) {
        event.preventDefault();
        next.focus();
      }
    }
  };
}

const wantsKeys = () => {
  try {
    return localStorage.getItem("single-keys") !== "off";
  } catch {
    return true;
  }
};

// The nearest node in a direction; what lies aside counts double.
function neighbour(node, [dx, dy]) {
  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const [x, y] = middle(node);
  let best = null;
  let least = Infinity;
  for (const other of node.ownerSVGElement.querySelectorAll("a[data-node]")) {
    const [ox, oy] = middle(other);
    const ahead = (ox - x) * dx + (oy - y) * dy;
    const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
    if (other !== node && ahead > 4 && ahead + 2 * aside < least) [best, least] = [other, ahead + 2 * aside];
  }
  return best;
}

customElements.define("architecture-canvas", ArchitectureCanvas);
