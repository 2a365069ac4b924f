// <target-health>: the table of all processes, kept at what the observer last saw.

import { followObservations } from "../kit/observations.js";
import { write } from "./phases.js";

const LONG = 100; // seconds from which tenths say nothing

export const seconds = (value) => `${value >= LONG ? value.toFixed(0) : value.toFixed(1)} s`;

// Short while it is well, the observer's whole sentence when it is not.
function wordsOf({ healthy, words, probe_ms: milliseconds }) {
  if (!healthy) return words;
  return milliseconds === null || milliseconds === undefined ? "works" : `answers in ${milliseconds.toFixed(1)} ms`;
}

class TargetHealth extends HTMLElement {
  #stop = null;
  #rows = new Map();

  connectedCallback() {
    for (const row of this.querySelectorAll("[data-process]")) this.#rows.set(row.dataset.process, row);
    this.#stop = followObservations({ onSnapshot: (snapshot) => this.#show(snapshot) });
  }

  disconnectedCallback() {
    this.#stop?.();
  }

  #show({ processes, outages, at }) {
    if (document.hidden) return;
    const latest = new Map();
    for (const span of outages) {
      if (!(latest.get(span.process)?.began > span.began)) latest.set(span.process, span);
    }
    for (const process of processes) {
      const { name, healthy } = process;
      const row = this.#rows.get(name);
      if (!row) continue;
      const span = latest.get(name);
      const open = span && !span.ended;
      const mark = healthy === null ? "unknown" : !healthy ? "failed" : open ? "in-flight" : "committed";
      if (row.className !== mark) {
        row.className = mark;
        row.querySelector("use").setAttribute("href", `#mark-${mark}`);
      }
      write(row.querySelector('[data-part="words"]'), wordsOf(process));
      if (span) {
        const length = open ? `still, ${seconds((Date.parse(at) - Date.parse(span.began)) / 1000)}` : seconds(span.seconds);
        write(row.querySelector('[data-part="last"]'), `${span.began.slice(11, 19)}, ${length}`);
      }
    }
  }
}

customElements.define("target-health", TargetHealth);
