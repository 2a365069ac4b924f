// <break-it>: the button of the home page that kills the broker, and what becomes of that.

import { followObservations } from "../kit/observations.js";
import { tellOfOrder } from "./own-order.js";
import { write } from "./phases.js";

const AWAY = "The site did not answer, so nothing is known to have been asked for. Try again in a moment.";

class BreakIt extends HTMLElement {
  #run = null; // the visitor's own, as the site answered
  #running = false; // whether it was seen to run
  #seen = ""; // the run that was seen last
  #own = ""; // the last run that was asked for here
  #stop = null;

  connectedCallback() {
    this.#part("button").addEventListener("click", () => {
      if (!this.#run) this.#ask();
    });
    tellOfOrder(this, this.#part("order"), () => this.#own !== "" && this.#own === this.#seen);
    this.#stop = followObservations({ onSnapshot: ({ experiment }) => this.#see(experiment) });
  }

  disconnectedCallback() {
    this.#stop?.();
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  async #ask() {
    const button = this.#part("button");
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(button.dataset.runs, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json", "idempotency-key": crypto.randomUUID() },
        body: "{}",
      });
      const told = await answer.json();
      if (answer.ok) {
        this.#run = told;
        this.#own = told.id;
      }
      this.#say(answer.ok ? "It is asked for, and begins in a moment." : told.detail);
    } catch {
      this.#say(AWAY);
    }
    button.removeAttribute("aria-busy");
  }

  #see(experiment) {
    if (experiment) this.#seen = experiment.run;
    const mine = this.#run !== null && experiment?.run === this.#run.id;
    if (mine) this.#say(`${experiment.title}. ${experiment.words}`);
    else if (this.#running) this.#end();
    this.#running = mine;
  }

  #end() {
    const link = Object.assign(document.createElement("a"), { href: this.#run.page, textContent: "Read the report" });
    const words = document.createElement("span");
    words.textContent = "It has ended. ";
    this.#part("words").replaceChildren(words, link);
    this.#run = null;
  }

  #say(words) {
    write(this.#part("words"), words);
  }
}

customElements.define("break-it", BreakIt);
