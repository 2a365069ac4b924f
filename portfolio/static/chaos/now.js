// <chaos-now>: what is being broken at this moment, by whom, and how many wait.

import { followObservations } from "../kit/observations.js";
import { moveTo, speaker, write } from "./phases.js";

const CALM = "A run passes these six stations, in less than a minute, and leaves a report.";
const AWAY = "The observer is away; whether anything is being broken is not known.";

class ChaosNow extends HTMLElement {
  #stop = null;
  #said = ""; // the run and the phase that were last spoken of
  #speak = null;

  connectedCallback() {
    this.#speak = speaker(this.#part("spoken"));
    this.#stop = followObservations({
      onSnapshot: (snapshot) => this.#show(snapshot),
      onState: (words) => {
        if (words.startsWith("the observer is away")) write(this.#part("words"), AWAY);
        if (words !== "live") write(this.#part("facts"), words);
      },
    });
  }

  disconnectedCallback() {
    this.#stop?.();
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  #show({ experiment, words, at }) {
    const run = experiment ?? null;
    this.className = run ? "running" : "calm";
    const told = run ? `${run.title}. ${run.words}` : `Nobody is breaking anything. ${words}`;
    write(this.#part("words"), told);
    write(this.#part("facts"), run
      ? `since ${run.began.slice(11, 19)} UTC · asked for by ${run.asked_by} · ${run.waiting} waiting`
      : `seen at ${at.slice(11, 19)} UTC`);
    const here = moveTo(this.#part("line"), run?.phase ?? null);
    write(this.#part("watch"), here?.dataset.watch ?? CALM);
    const saying = run ? `${run.run} ${run.phase}` : "";
    if (saying === this.#said) return;
    this.#said = saying;
    this.#speak(run ? `${told} ${here?.dataset.watch ?? ""}` : told);
  }
}

customElements.define("chaos-now", ChaosNow);
