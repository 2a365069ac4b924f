// <chaos-run run="ID" address="…" state="queued">: one run, followed to its report.

import { followObservations } from "../kit/observations.js";
import { tellOfOrder } from "./own-order.js";
import { moveTo, speaker, write } from "./phases.js";
import { seconds } from "./targets.js";

const LOOK_EVERY = 2000; // milliseconds, while it waits or runs

class ChaosRun extends HTMLElement {
  #stop = null;
  #timer = 0;
  #state = "";
  #phase = "";
  #speak = null;

  connectedCallback() {
    this.#state = this.getAttribute("state");
    if (this.#over) return;
    this.#speak = speaker(this.#part("spoken"));
    tellOfOrder(this, this.#part("order"), () => this.hasAttribute("mine"));
    this.#stop = followObservations({ onSnapshot: (snapshot) => this.#see(snapshot) });
    this.#timer = setTimeout(() => this.#look(), LOOK_EVERY);
  }

  disconnectedCallback() {
    this.#stop?.();
    clearTimeout(this.#timer);
  }

  get #over() {
    return this.#state !== "queued" && this.#state !== "running";
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  async #look() {
    try {
      const answer = await fetch(this.getAttribute("address"), { headers: { accept: "application/json" } });
      if (answer.ok) this.#tell(await answer.json());
    } catch {
      // The site itself may be what is broken: ask again.
    }
    if (!this.#over) this.#timer = setTimeout(() => this.#look(), LOOK_EVERY);
  }

  #tell({ state, position, wait, words, report }) {
    this.#state = state;
    if (state === "queued") {
      write(this.#part("words"), `It waits, number ${position} in the queue, and begins ${wait}.`);
    } else if (this.#over) {
      this.#end(state, words, report);
    }
  }

  #end(state, words, report) {
    this.#stop?.();
    const line = this.#part("words");
    const withdraw = this.#part("withdraw");
    if (withdraw?.contains(document.activeElement)) line.focus();
    withdraw?.remove();
    const told = state === "ended" ? "It has ended." : words || state;
    write(line, told);
    moveTo(this.#part("line"), state === "ended" ? "ended" : null);
    this.#part("watch").replaceChildren();
    if (report) {
      const link = document.createElement("a");
      link.className = "button";
      link.href = report;
      link.textContent = "Read the report";
      this.#part("watch").append(link);
    }
    this.#speak(`${told} ${report ? "The report is there." : ""}`);
  }

  #see({ experiment, faults, outages }) {
    const run = experiment?.run === this.getAttribute("run") ? experiment : null;
    if (!run || this.#over) return;
    write(this.#part("words"), `${run.title}. ${run.words}`);
    const here = moveTo(this.#part("line"), run.phase);
    write(this.#part("watch"), here?.dataset.watch ?? "");
    if (run.phase !== this.#phase) {
      this.#phase = run.phase;
      this.#speak(`${run.words} ${here?.dataset.watch ?? ""}`);
    }
    if (here) this.#add(`phase-${run.phase}`, run.phase_began, "in-flight", here.innerText.trim().toLowerCase(), run.words);
    for (const fault of faults.filter((one) => one.run === run.run)) {
      const armed = new Date(fault.armed_at * 1000).toISOString();
      this.#add(`fault-${fault.id}`, armed, "failed", fault.fault, `on ${fault.target}`);
    }
    for (const span of outages.filter(({ began }) => Date.parse(began) >= Date.parse(run.began))) {
      this.#add(`away-${span.id}`, span.began, "failed", "away", `${span.process}: ${span.cause}`);
      if (span.ended) this.#add(`back-${span.id}`, span.ended, "committed", "recovered", `${span.process}, +${seconds(span.seconds)}`);
    }
  }

  // One line more, in its place in time; what is there already is not written again.
  #add(key, at, mark, verb, words) {
    const rows = this.#part("happenings");
    if ([...rows.rows].some((row) => row.dataset.key === key)) return;
    const row = this.#part("row").content.firstElementChild.cloneNode(true);
    const time = row.querySelector("time");
    row.dataset.key = key;
    time.dateTime = at;
    time.textContent = at.slice(11, 19);
    row.querySelector(".verb").classList.add(mark);
    row.querySelector("use").setAttribute("href", `#mark-${mark}`);
    row.querySelector(".verb span").textContent = verb;
    row.querySelector(".words").textContent = words;
    const later = [...rows.rows].find((one) => Date.parse(one.querySelector("time").dateTime) > Date.parse(at));
    rows.insertBefore(row, later ?? null);
  }
}

customElements.define("chaos-run", ChaosRun);
