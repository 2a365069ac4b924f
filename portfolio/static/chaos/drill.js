// <chaos-drill experiment="NAME">: its steps light up as a run of that experiment passes them.

import { followObservations } from "../kit/observations.js";
import { stand } from "./phases.js";

class ChaosDrill extends HTMLElement {
  #stop = null;

  connectedCallback() {
    this.#stop = followObservations({ onSnapshot: ({ experiment }) => this.#show(experiment) });
  }

  disconnectedCallback() {
    this.#stop?.();
  }

  #show(run) {
    const mine = run?.experiment === this.getAttribute("experiment");
    const lessons = [...this.querySelectorAll("[data-phases]")];
    const order = [...lessons.flatMap(({ dataset }) => dataset.phases.split(",")), "ended"];
    const at = mine ? order.indexOf(run.phase) : -1;
    for (const lesson of lessons) {
      const places = lesson.dataset.phases.split(",").map((phase) => order.indexOf(phase));
      stand(lesson, places.includes(at) ? "here" : Math.max(...places) < at ? "passed" : "ahead");
    }
  }
}

customElements.define("chaos-drill", ChaosDrill);
