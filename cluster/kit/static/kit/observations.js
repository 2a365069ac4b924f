// The observer's snapshots, over one socket a page, however many parts of the page follow.
//
//   const stop = followObservations({ onSnapshot(snapshot) {…}, onState(words) {…} });
//
// A later follower gets the last snapshot at once. While the page is hidden the
// connection is closed; it is opened again when the page is shown.

import { Reconnection, SILENCE } from "./reconnection.js";

const followers = new Set();
let socket = null;
let watchdog = 0;
const reconnection = new Reconnection({ say: (words) => say(words), attempt: () => connect() });
let refusal = ""; // the server's sentence, shown until the next attempt
let lastSnapshot = null;
let lastWords = "";

export function followObservations(follower) {
  const own = { ...follower }; // the same object may follow twice
  followers.add(own);
  if (lastSnapshot) own.onSnapshot?.(lastSnapshot);
  if (lastWords) own.onState?.(lastWords);
  if (followers.size === 1) {
    document.addEventListener("visibilitychange", followVisibility);
    followVisibility();
  }
  return () => {
    if (!followers.delete(own) || followers.size > 0) return;
    document.removeEventListener("visibilitychange", followVisibility);
    disconnect();
  };
}

function followVisibility() {
  if (document.hidden) {
    disconnect();
    say("paused while the page is hidden");
  } else if (!socket && !reconnection.isWaiting) {
    reconnection.settle();
    connect();
  }
}

function connect() {
  if (!reconnection.isAway) say("connecting");
  refusal = "";
  const address = new URL("/observations/", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const opened = new WebSocket(address);
  socket = opened;
  guard(opened);
  opened.addEventListener("message", ({ data }) => {
    if (opened === socket) read(JSON.parse(data));
  });
  opened.addEventListener("close", () => {
    if (opened === socket) lose();
  });
}

function disconnect() {
  reconnection.stop();
  clearTimeout(watchdog);
  const closing = socket;
  socket = null;
  closing?.close();
}

// A lost network sends no signal, so silence counts as a broken connection.
function guard(opened) {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => {
    if (opened === socket) lose();
  }, SILENCE);
}

function lose() {
  disconnect();
  reconnection.lose(refusal);
}

function read(frame) {
  if (frame.kind === "state") {
    clearTimeout(watchdog); // it may have nothing more to say for long: the observer is away
    if (frame.state.startsWith("closed: ")) refusal = `${frame.state}; `;
    say(frame.state);
  } else if (frame.kind === "snapshot") {
    guard(socket);
    reconnection.settle();
    lastSnapshot = frame.snapshot;
    for (const follower of followers) follower.onSnapshot?.(lastSnapshot);
  }
}

function say(words) {
  if (words === lastWords) return;
  lastWords = words;
  for (const follower of followers) follower.onState?.(words);
}
