// <run-request>: its forms ask for runs without leaving the page, and say what became of it.
// Without JavaScript each form leads to the page of the run.

import { followObservations } from "../kit/observations.js";
import { ownMarkup } from "../kit/own-markup.js";

const LOOK_AGAIN = 5000; // milliseconds, should the observer say nothing
const still = matchMedia("(prefers-reduced-motion: reduce)");
const JSON_WANTED = { accept: "application/json" };

class RunRequest extends HTMLElement {
  #run = null; // the visitor's own, while it waits or runs
  #timer = 0;
  #seen = ""; // what the observer last told of runs
  #stop = null;

  connectedCallback() {
    this.addEventListener("submit", (event) => {
      const { target: form, submitter } = event;
      event.preventDefault();
      if (new FormData(form, submitter).has("experiment")) this.#lookAtStage();
      this.#send(form, submitter);
    });
    this.#stop = followObservations({
      onSnapshot: ({ experiment: run }) => {
        const now = run ? `${run.run} ${run.phase} ${run.waiting}` : "nothing";
        if (now === this.#seen) return;
        const first = !this.#seen;
        this.#seen = now;
        if (!first) this.#look();
      },
    });
  }

  disconnectedCallback() {
    this.#stop?.();
    clearTimeout(this.#timer);
  }

  // Whoever breaks something wants to see it, from wherever on the page they pressed.
  #lookAtStage() {
    this.querySelector("#stage").scrollIntoView({ behavior: still.matches ? "auto" : "smooth" });
  }

  async #send(form, submitter) {
    if (submitter) submitter.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, {
        method: "POST", headers: JSON_WANTED, body: new URLSearchParams(new FormData(form, submitter)),
      });
      const told = await answer.json();
      if (answer.ok) {
        this.#run = told.state === "withdrawn" ? null : told;
        if (this.#run) this.dataset.mine = told.id;
        this.#say(wordsOf(told), told);
        this.#leaveQueue();
      } else {
        this.#say(told.detail);
      }
    } catch {
      this.#say("The site did not answer, so nothing is known to have been asked for. Try again in a moment.");
    }
    submitter?.removeAttribute("aria-busy");
    this.#look();
  }

  // A run that was stopped or withdrawn takes its button with it: the keyboard goes on at the answer.
  #leaveQueue() {
    const queue = this.querySelector('[data-part="queue"]');
    if (queue?.contains(document.activeElement)) this.querySelector('[data-part="answer"]').focus();
  }

  // The queue as it is now, and how the visitor's own run stands.
  async #look() {
    clearTimeout(this.#timer);
    const queue = this.querySelector('[data-part="queue"]');
    try {
      if (queue) {
        const answer = await fetch(queue.dataset.address, { headers: { accept: "text/html" } });
        const html = await answer.text();
        // Looked at last: a button that is replaced between press and release is never clicked.
        const inUse = queue.contains(document.activeElement) || queue.querySelector(":active");
        if (answer.ok && !inUse) queue.innerHTML = ownMarkup(html);
      }
      if (this.#run) {
        const answer = await fetch(this.#run.address, { headers: JSON_WANTED });
        if (answer.ok) this.#tell(await answer.json());
      }
    } catch {
      // The site itself may be what is broken; the next look comes anyway.
    }
    if (this.#run) this.#timer = setTimeout(() => this.#look(), LOOK_AGAIN);
  }

  #tell(told) {
    const before = this.#run;
    this.#run = ["queued", "running"].includes(told.state) ? told : null;
    if (told.state !== before.state || told.position !== before.position) this.#say(wordsOf(told), told);
  }

  #say(words, run) {
    const answer = this.querySelector('[data-part="answer"]');
    const line = document.createElement("p");
    line.textContent = words;
    if (run) {
      const link = document.createElement("a");
      link.href = run.report ?? run.address;
      link.textContent = run.report ? "Read the report" : "Its page";
      line.append(link);
    }
    answer.replaceChildren(line);
  }
}

function wordsOf({ title, state, position, wait, words }) {
  if (state === "queued") return `${title}: queued as number ${position}, begins ${wait}.`;
  if (state === "running") return `${title}: ${words || "it runs now."}`;
  if (state === "ended") return `${title}: it has ended. ${words}`;
  return `${title}: ${words || state}`;
}

customElements.define("run-request", RunRequest);
