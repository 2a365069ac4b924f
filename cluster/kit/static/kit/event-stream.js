// The event table that follows the journal: <event-stream after="SEQ" stream="/stream/">.
//
// The server has drawn the latest rows. This element adds the ones that follow, says
// in words how it is connected, and never moves rows under a reader who has paused it.
// `most` bounds its rows, where something stands below it.

import { drawRow } from "./event-row.js";
import { followJournal } from "./journal-feed.js";
import "./lighting.js";

const MOST_ROWS = 200;
const SPEAK_EVERY = 5000; // milliseconds between two sentences to a screen reader
const OUTCOMES = new Set([
  "checkout.checkout_completed.v1",
  "checkout.checkout_compensated.v1",
  "orders.refund_completed.v1",
  "orders.refund_refused.v1",
  "orders.refund_abandoned.v1",
]);

class EventStream extends HTMLElement {
  #stop = null;
  #waiting = []; // events that have come and are not drawn, oldest first
  #unseen = 0; // how many have come since the pause, those no longer kept included
  #paused = false;
  #scheduled = false;
  #spokenAt = 0;

  connectedCallback() {
    this.#part("pause").hidden = false;
    this.#part("pause").addEventListener("click", () => this.#togglePause());
    document.addEventListener("visibilitychange", this.#draw);
    this.#stop = followJournal(this.getAttribute("stream"), {
      after: Number(this.getAttribute("after")),
      onState: (words) => { this.#part("state").textContent = words; },
      onEvents: (events) => this.#receive(events),
    });
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#draw);
    this.#stop?.();
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  #receive(events) {
    const saga = this.getAttribute("saga");
    const ours = saga ? events.filter((event) => event.correlation === saga) : events;
    if (ours.length === 0) return;
    // These would push older ones out of the table anyway.
    this.#waiting = [...this.#waiting, ...ours].slice(-MOST_ROWS);
    if (this.#paused) {
      this.#unseen += ours.length;
      this.#showPause();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      requestAnimationFrame(this.#draw);
    }
  }

  // Nothing is drawn while it is paused or hidden, but the events are kept.
  #draw = () => {
    this.#scheduled = false;
    if (this.#paused || document.hidden || this.#waiting.length === 0) return;
    const fresh = this.#waiting.splice(0);
    const rows = this.#part("rows");
    this.#part("empty")?.remove();
    const template = this.#part("row");
    rows.prepend(...fresh.map((event) => drawRow(template, event)).reverse());
    const most = Number(this.getAttribute("most")) || MOST_ROWS;
    while (rows.rows.length > most) rows.deleteRow(-1);
    this.#speak(fresh);
  };

  #togglePause() {
    this.#paused = !this.#paused;
    this.#unseen = 0;
    this.#showPause();
    this.#draw();
  }

  #showPause() {
    const words = this.#unseen ? `Resume: ${this.#unseen} new` : "Resume";
    this.#part("pause").textContent = this.#paused ? words : "Pause";
  }

  // One sentence for one outcome, the latest, and not too often.
  #speak(events) {
    const outcome = events.findLast((event) => OUTCOMES.has(event.type));
    if (!outcome || Date.now() - this.#spokenAt < SPEAK_EVERY) return;
    this.#spokenAt = Date.now();
    this.#part("outcome").textContent = `${outcome.headcode} ${outcome.verb}: ${outcome.detail}`;
  }
}

customElements.define("event-stream", EventStream);
