// A connection to the journal's stream that resumes where it broke off. Knows no page.

// The server sends a frame every few seconds (cluster/storefront/stream/consumer.py). A paused server or
// a lost network closes no connection and reports nothing.
import { Reconnection, SILENCE } from "./reconnection.js";

export class JournalConnection {
  #address;
  #last; // the seq of the last event received
  #onState;
  #onEvents;
  #socket = null;
  #reconnection;
  #refusal = ""; // the server's sentence, shown until the next attempt
  #watchdog = 0;

  constructor(path, { after, onState, onEvents }) {
    this.#address = new URL(path, location.href);
    this.#address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.#last = after;
    this.#onState = onState;
    this.#onEvents = onEvents;
    this.#reconnection = new Reconnection({ say: onState, attempt: () => this.open() });
  }

  open() {
    if (!this.#reconnection.isAway) this.#onState("connecting");
    this.#refusal = "";
    // Without a seq the server begins with the latest events, and says after which.
    if (this.#last !== undefined) this.#address.searchParams.set("after", this.#last);
    const socket = new WebSocket(this.#address);
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      this.#guard(socket);
      this.#read(socket, JSON.parse(data));
    });
    socket.addEventListener("close", () => this.#lose(socket));
    this.#socket = socket;
    this.#guard(socket);
  }

  #guard(socket) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#lose(socket);
      hangUp(socket);
    }, SILENCE);
  }

  #lose(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    clearTimeout(this.#watchdog);
    this.#reconnection.lose(this.#refusal);
  }

  close() {
    this.#reconnection.stop();
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) hangUp(socket);
  }

  #read(socket, frame) {
    if (frame.kind === "state") {
      // The server begins elsewhere than it was asked to, and says so.
      if (frame.after !== undefined) this.#last = frame.after;
      if (frame.state.startsWith("live")) this.#reconnection.settle();
      if (frame.state.startsWith("closed: ")) this.#refusal = `${frame.state}; `;
      this.#onState(frame.state);
    } else if (frame.kind === "events") {
      const fresh = frame.events.filter((event) => event.seq > this.#last);
      if (fresh.length === 0) return;
      if (fresh[0].seq !== this.#last + 1) {
        socket.close(); // a gap must never pass in silence: ask again from where it opened
        return;
      }
      this.#reconnection.settle();
      this.#last = fresh[fresh.length - 1].seq;
      this.#onEvents(fresh);
    }
  }
}

// Closing a socket while it opens makes the browser log an error.
function hangUp(socket) {
  if (socket.readyState === WebSocket.CONNECTING) socket.addEventListener("open", () => socket.close());
  else socket.close();
}
