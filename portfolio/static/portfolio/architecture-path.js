// Draws one saga's path on demand: a checkout that is started here, or the latest that has ended.
// The server draws it from the journal; this asks for the drawing and shows it message by message.

import { pageOf } from "../kit/own-markup.js";

const ASK_EVERY = 400; // milliseconds
const PATIENCE = 30000; // milliseconds for a checkout to end; one that turns round takes a while
const SETTLES = 1200; // milliseconds: after its end, what was reserved is still being sold
const SHORTEST = 2500; // milliseconds that the drawing of a path takes
const LONGEST = 7000;

const still = matchMedia("(prefers-reduced-motion: reduce)");
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class PathDrawer {
  #root;
  #turn = 0; // a newer request takes over

  constructor(root) {
    this.#root = root;
    const start = this.#part("start");
    if (start) {
      start.hidden = false;
      start.addEventListener("submit", (event) => this.#submit(event, () => this.#startOne(start)));
    }
    this.#part("latest")?.form.addEventListener("submit", (event) =>
      this.#submit(event, () => this.#follow("latest")));
  }

  stop() {
    this.#turn += 1;
  }

  #part(name) {
    return this.#root.querySelector(`[data-part="${name}"]`);
  }

  #say(words) {
    this.#part("path-state").textContent = words;
  }

  async #submit(event, run) {
    event.preventDefault();
    const turn = (this.#turn += 1);
    try {
      await run(turn);
    } catch (error) {
      this.#say(error.message);
    }
  }

  async #startOne(form) {
    this.#say("Starting a checkout");
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { accept: "application/json" },
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.detail);
    await this.#follow(told.id);
  }

  async #follow(saga) {
    const turn = this.#turn;
    const until = performance.now() + PATIENCE;
    let ended = null;
    while (turn === this.#turn && performance.now() < until) {
      ended ??= (await this.#draw(saga)) ? performance.now() : null;
      if (ended && (saga === "latest" || performance.now() - ended > SETTLES)) break;
      await pause(ASK_EVERY);
    }
    if (turn !== this.#turn) return;
    if (saga !== "latest") await this.#draw(saga);
    await this.#play(turn);
  }

  /** Show the path as it is now; whether it has ended. */
  async #draw(saga) {
    const answer = await fetch(`/architecture/?path=${saga}&only=path`);
    const page = await pageOf(answer);
    const words = page.querySelector("[data-problem]")?.textContent;
    if (words) throw new Error(words);
    for (const part of page.querySelectorAll("[data-part]")) {
      this.#part(part.dataset.part)?.replaceWith(document.adoptNode(part));
    }
    const path = this.#part("path").querySelector("[data-saga]");
    if (!path) return false;
    history.replaceState(null, "", `?path=${path.dataset.saga}`);
    this.#say(`${path.querySelectorAll("li").length} messages so far`);
    return path.hasAttribute("data-ended");
  }

  /** Show the messages one after another, at their measured distances, drawn out. */
  async #play(turn) {
    const hops = [...this.#part("path").querySelectorAll("[data-at]")];
    const took = Number(hops.at(-1)?.dataset.at ?? 0);
    const lasts = Math.min(LONGEST, Math.max(SHORTEST, took * 10));
    this.#say(this.#part("path").querySelector(".path-title").textContent.trim().replace(/\s+/g, " "));
    this.#root.querySelector(".canvas").scrollIntoView({ block: "nearest", behavior: "instant" });
    if (still.matches || took === 0) return;
    const pieces = [...this.#root.querySelectorAll("[data-hop]")];
    for (const piece of pieces) piece.classList.add("later");
    const began = performance.now();
    for (const hop of hops) {
      await pause((Number(hop.dataset.at) / took) * lasts - (performance.now() - began));
      if (turn !== this.#turn) break;
      for (const piece of pieces) {
        if (piece.dataset.hop === hop.dataset.hop) piece.classList.remove("later");
      }
    }
    for (const piece of pieces) piece.classList.remove("later");
  }
}
