// <chaos-now>: what is being broken at this moment, by whom, and how many wait.

import { followObservations } from "../kit/observations.js";
import { moveTo, speaker, write } from "./phases.js";

const CALM = "A run passes these six stations, in less than a minute, and leaves a report.";
const GONE = "The server behind this page does not answer";
const AWAY = "The observer is away; whether anything is being broken is not known.";

class ChaosNow extends HTMLElement {
  #stop = null;
  #run = ""; // the run that was seen last
  #experiment = ""; // which runs now
  #said = ""; // the run and the phase that were last spoken of
  #speak = null;
  #tells = false; // of the order that was started with the fault
  #sight = null;

  connectedCallback() {
    this.#speak = speaker(this.#part("spoken"));
    this.#keepInSight(this.#part("graph"));
    this.#stop = followObservations({
      onSnapshot: (snapshot) => this.#show(snapshot),
      onState: (words) => {
        if (words.startsWith("the observer is away")) write(this.#part("words"), AWAY);
        if (words !== "live") write(this.#part("facts"), words);
        if (words.includes("reconnecting")) write(this.#part("words"), `${this.#lost}: ${words}.`);
      },
    });
  }

  disconnectedCallback() {
    this.#stop?.();
    this.#sight?.disconnect();
  }

  // While something is broken a phone keeps a small graph in sight. The sheet decides where that is.
  #keepInSight(graph) {
    this.#sight = new IntersectionObserver(([{ isIntersecting, boundingClientRect: { height } }]) => {
      graph.style.minHeight = isIntersecting ? "" : `${height}px`; // so that nothing moves
      graph.classList.toggle("aside", !isIntersecting);
    });
    this.#sight.observe(graph);
  }

  // What has become of the server behind this page.
  get #lost() {
    return this.#isMine && this.#experiment === "kill-web" ? "You killed the server behind this page" : GONE;
  }

  // Whether the run that was seen last was asked for here.
  get #isMine() {
    return this.#run !== "" && this.closest("run-request")?.dataset.mine === this.#run;
  }

  async #tellOfOrder() {
    this.#tells = true;
    const { tellOfOrder } = await import("./own-order.js");
    tellOfOrder(this, this.#part("order"), () => this.#isMine);
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  #show({ experiment, words, at }) {
    const run = experiment ?? null;
    this.className = run ? "running" : "calm";
    this.#experiment = run?.experiment ?? "";
    if (run) this.#run = run.run;
    if (run?.order && !this.#tells) this.#tellOfOrder();
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
