// The status strip: <status-strip state="steady">. The server has drawn it; this keeps it live.
// It speaks to a screen reader only when the state changes, and at most every five seconds.

const ASK_EVERY = 10000; // milliseconds
const SPEAK_EVERY = 5000; // milliseconds
const AWAY = "The observer is away; the cluster’s state is not known.";
const GONE = "The server behind this page does not answer; the cluster’s state is not known.";

class StatusStrip extends HTMLElement {
  #timer = 0;
  #spokenAt = -Infinity;
  #speaking = 0;

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#look);
    this.#timer = setTimeout(this.#look, ASK_EVERY);
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#look);
    clearTimeout(this.#timer);
    clearTimeout(this.#speaking);
  }

  #look = async () => {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    this.#show(await snapshot());
    this.#timer = setTimeout(this.#look, ASK_EVERY);
  };

  #show(seen) {
    const state = seen?.state ?? "unknown";
    const words = seen?.words ?? AWAY;
    this.#part("words").textContent = words;
    if (seen?.at) {
      const at = new Date(seen.at);
      const time = this.#part("time");
      time.dateTime = seen.at;
      time.textContent = `${at.toISOString().slice(11, 19)} UTC`;
      const since = seen.up_since && (at - new Date(seen.up_since)) / 1000;
      this.#part("uptime").textContent = since ? `up ${duration(since)}` : "";
    }
    if (state !== this.getAttribute("state")) {
      this.setAttribute("state", state);
      this.#speak();
    }
  }

  #speak() {
    clearTimeout(this.#speaking);
    const wait = Math.max(0, this.#spokenAt + SPEAK_EVERY - performance.now());
    this.#speaking = setTimeout(() => {
      this.#spokenAt = performance.now();
      this.#part("spoken").textContent = this.#part("words").textContent;
    }, wait);
  }

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }
}

const snapshot = async () => {
  try {
    const answer = await fetch("/status.json", { headers: { accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return { words: GONE };
  }
};

// As in cluster/kit/status_strip.py: the two largest units.
const duration = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${whole} s`;
  if (hours < 1) return `${minutes} min`;
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
};

customElements.define("status-strip", StatusStrip);
