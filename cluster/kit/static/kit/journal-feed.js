// The journal for every part of a page over one connection, however many follow it.
//
//   const stop = followJournal("/stream/", { after, onEvents(events), onState(words) });
//
// Each follower gets every event after its own `after` once and in order.

import { JournalConnection } from "./journal-connection.js";

const KEPT = 1000; // events for followers that come later

// Once all scripts of the page have run, so that its parts share the first connection. A part
// whose code comes later finds this settled, and does not wait.
const scriptsHaveRun = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  addEventListener("DOMContentLoaded", resolve);
  addEventListener("load", resolve);
});

const feeds = new Map();

export function followJournal(path, follower) {
  if (!feeds.has(path)) feeds.set(path, new Feed(path));
  return feeds.get(path).join(follower);
}

class Feed {
  #path;
  #followers = new Set();
  #connection = null;
  #kept = []; // the last events received
  #from; // what is kept follows this seq
  #words = "";
  #opening = false;

  constructor(path) {
    this.#path = path;
  }

  join({ after, onEvents, onState }) {
    const follower = { seen: after, onEvents, onState };
    this.#followers.add(follower);
    if (this.#connection && after !== undefined && after >= this.#from) {
      if (this.#words) onState(this.#words);
      this.#give(follower, this.#kept);
    } else {
      this.#open();
    }
    return () => {
      this.#followers.delete(follower);
      if (this.#followers.size) return;
      this.#connection?.close();
      this.#connection = null;
    };
  }

  #open() {
    if (this.#opening) return;
    this.#opening = true;
    scriptsHaveRun.then(() => setTimeout(() => this.#connect()));
  }

  #connect() {
    this.#opening = false;
    this.#connection?.close();
    if (!this.#followers.size) return;
    const known = [...this.#followers].map(({ seen }) => seen).filter((seen) => seen !== undefined);
    this.#from = known.length ? Math.min(...known) : undefined;
    this.#kept = [];
    this.#connection = new JournalConnection(this.#path, {
      after: this.#from,
      onState: (words) => this.#say(words),
      onEvents: (events) => this.#receive(events),
    });
    this.#connection.open();
  }

  #say(words) {
    this.#words = words;
    for (const { onState } of this.#followers) onState(words);
  }

  #receive(events) {
    this.#from ??= events[0].seq - 1;
    this.#kept.push(...events);
    if (this.#kept.length > 2 * KEPT) {
      this.#kept = this.#kept.slice(-KEPT);
      this.#from = this.#kept[0].seq - 1;
    }
    for (const follower of this.#followers) this.#give(follower, events);
  }

  #give(follower, events) {
    const fresh = events.filter(({ seq }) => !(seq <= follower.seen));
    if (!fresh.length) return;
    follower.seen = fresh.at(-1).seq;
    follower.onEvents(fresh);
  }
}
