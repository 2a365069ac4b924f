// <train-graph>: the server has drawn the figure; this lets it follow the cluster, or plays it.
//
//   kind="live"      the last seconds of the journal, and on
//   kind="saga"      one saga, while it is `running`
//   kind="recorded"  an incident, whole at first; play, step and scrub

import { followObservations } from "./observations.js";
import { followJournal } from "./journal-feed.js";
import "./lighting.js";
import {
  NOW_MARGIN, SHARED, describe, graphEvent, outage, place, readTraffic, scaleOf, summary, visible,
} from "./train-graph-model.js";
import { Plot } from "./train-graph-plot.js";

const KEPT = 75_000; // milliseconds of ended journeys
const KEPT_OPEN = 600_000; // and of those that have not ended
const MOST_EVENTS = 6000;
const FRAME = 33; // milliseconds between two drawings, at least
const SAID_EVERY = 2000; // milliseconds between two changes of the words below
const NARROW = 480; // pixels below which fewer seconds are shown
const FAR = 1_000_000; // milliseconds after which the scale gets a new zero

const CONNECTION = "connection"; // the id of the outage that this page sees by itself

const still = matchMedia("(prefers-reduced-motion: reduce)");

const ownOutage = (began) => ({
  id: CONNECTION, process: "web", rail: SHARED, cause: "does not answer this page", began, ended: null,
});

class TrainGraph extends HTMLElement {
  #plot = null;
  #events = [];
  #traffic = { journeys: [], ticks: [] };
  #outages = [];
  #faults = null; // once there is one: few pages ever see a fault
  #window = 12;
  #width = 0;
  #skew = 0; // the cluster's clock less ours
  #origin = 0;
  #pausedAt = null;
  #timer = 0;
  #lastDrawn = 0;
  #lastSaid = 0;
  #onScreen = false;
  #live = false; // whether the first events have come
  #saga = null; // how to draw one saga, where it is one
  #order = ""; // the checkout of whoever broke something
  #lostAt = null; // when the server behind this page stopped answering
  #snapshot = null;
  #stops = [];

  connectedCallback() {
    if (!this.querySelector(".plot")) return;
    const kind = this.getAttribute("kind");
    if (kind === "recorded") import("./train-graph-recorded.js").then(({ play }) => play(this));
    if (kind === "live") this.#follow();
    if (kind === "saga" && this.hasAttribute("running")) {
      import("./train-graph-saga.js").then((saga) => {
        this.#saga = saga;
        this.#follow();
      });
    }
  }

  disconnectedCallback() {
    for (const stop of this.#stops) stop();
    clearTimeout(this.#timer);
  }

  get #now() {
    return this.#pausedAt ?? Date.now() + this.#skew;
  }

  #follow() {
    this.#skew = Number(this.getAttribute("drawn")) - Date.now();
    this.#window = Number(this.getAttribute("window"));
    this.#join(this.getAttribute("after"));
    this.#stops.push(followObservations({ onSnapshot: (snapshot) => this.#see(snapshot) }));
    const seen = new IntersectionObserver(([{ isIntersecting }]) => {
      this.#onScreen = isIntersecting;
      this.#draw();
    });
    seen.observe(this);
    const woken = () => this.#draw();
    document.addEventListener("visibilitychange", woken);
    this.#stops.push(() => seen.disconnect(), () => document.removeEventListener("visibilitychange", woken));
    if (!this.#saga) this.#offerControls();
  }

  #join(after) {
    this.#stops.shift()?.();
    this.#stops.unshift(followJournal(this.getAttribute("stream"), {
      after: after === null ? undefined : Number(after),
      onEvents: (events) => this.#receive(events),
      onState: (words) => this.#say(words),
    }));
  }

  #offerControls() {
    const controls = this.querySelector('[data-part="controls"]');
    controls.classList.add("offered");
    controls.addEventListener("click", ({ target }) => {
      if (target.dataset.window) this.#show(Number(target.dataset.window));
      if (target.dataset.part === "pause") this.#pause(target);
    });
    if (this.offsetWidth < NARROW) this.#show(4);
  }

  #show(window) {
    this.#window = window;
    this.#lastSaid = 0;
    for (const button of this.querySelectorAll("[data-window]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.window) === window));
    }
    const minute = this.getAttribute("after-minute");
    if (window > 20 && minute) {
      this.removeAttribute("after-minute");
      this.#events = [];
      this.#join(minute);
    }
    this.#draw();
  }

  #pause(button) {
    this.#pausedAt = this.#pausedAt === null ? this.#now : null;
    button.textContent = this.#pausedAt === null ? "Pause" : "Resume";
    this.#draw();
  }

  // A process that dies or is back is drawn at once, not when time next moves the picture.
  #see(snapshot) {
    this.#snapshot = snapshot;
    if (snapshot.faults?.length && !this.#faults) this.#followFaults();
    this.#order = snapshot.experiment?.order || this.#order;
    const before = JSON.stringify(this.#outages);
    this.#outages = [...snapshot.outages.map(outage), ...(this.#faults?.see(snapshot) ?? [])];
    if (this.#lostAt !== null) this.#outages.push(ownOutage(this.#lostAt));
    if (JSON.stringify(this.#outages) !== before) this.#draw();
  }

  async #followFaults() {
    this.#faults = { see: () => [] }; // until the module is here
    const { Faults } = await import("./train-graph-faults.js");
    this.#faults = new Faults();
    this.#see(this.#snapshot);
  }

  // While nothing is heard of the server behind this page, the page itself draws that.
  #mind(words) {
    const lost = words.includes("reconnecting");
    if (lost === (this.#lostAt !== null) || !(lost || words.startsWith("live"))) return;
    this.#lostAt = lost ? this.#now : null;
    if (this.#snapshot) this.#see(this.#snapshot);
  }

  #say(words) {
    this.#mind(words);
    const state = this.querySelector('[data-part="state"]');
    if (state && state.textContent !== words) state.textContent = words;
  }

  #receive(events) {
    const saga = this.getAttribute("saga");
    const ours = saga ? events.filter(({ correlation }) => correlation === saga) : events;
    const fresh = ours.map(graphEvent);
    for (const { at } of fresh) this.#skew = Math.max(this.#skew, at - Date.now());
    this.#events.push(...fresh);
    this.#traffic = readTraffic(this.#events);
    // The events of one saga so far may be no journey. Its table then shows all of them.
    this.#live = !saga || this.#traffic.journeys.length > 0;
    if (!saga) this.#forget();
    this.#draw();
  }

  // Drops events that have left every window. Those of a saga in flight are kept for longer.
  #forget() {
    const horizon = this.#now - KEPT;
    if (this.#events[0].at > horizon) return;
    const open = new Set(this.#traffic.journeys
      .filter(({ ended, last }) => ended === null && last > horizon - KEPT_OPEN).map(({ id }) => id));
    this.#events = this.#events.filter(({ saga, at }) => at > horizon || open.has(saga)).slice(-MOST_EVENTS);
  }

  #begin() {
    const plot = [...this.querySelectorAll(".plot")].find((svg) => svg.clientWidth);
    if (!plot) return false;
    this.classList.add("drawn-here");
    plot.closest(".train-graph").classList.add("chosen");
    this.#plot = new Plot(plot);
    new ResizeObserver(([{ contentRect }]) => {
      this.#width = Math.round(contentRect.width);
      this.#plot.resize(this.#width);
      this.#draw();
    }).observe(plot);
    return true;
  }

  // Draws now and schedules the next drawing, unless the figure is hidden.
  #draw = () => {
    clearTimeout(this.#timer);
    if (!this.#live || !this.#onScreen || document.hidden) return;
    if (!this.#plot && !this.#begin()) return;
    const pause = this.#lastDrawn + FRAME - performance.now();
    if (pause > 1) {
      this.#timer = setTimeout(this.#draw, pause);
      return;
    }
    if (this.#width) {
      this.#lastDrawn = performance.now();
      const now = Math.round(this.#now);
      const { journeys } = this.#traffic;
      const frame = this.#saga ? this.#saga.sagaFrame(journeys, now, this.#width) : this.#liveFrame(now);
      this.#drawFrame(frame);
      if (this.#pausedAt !== null || frame.over) return;
      // A pixel at a time, or with reduced motion what the seconds bring.
      const next = still.matches ? 1000 : Math.max(FRAME, 1 / frame.scale.pixels);
      this.#timer = setTimeout(() => requestAnimationFrame(this.#draw), next);
    }
  };

  #liveFrame(now) {
    const span = this.#window * 1000;
    const pixels = (this.#width - NOW_MARGIN) / span;
    // With reduced motion the picture stands, and turns like a page.
    const begins = still.matches ? Math.floor(now / span) * span : now - span;
    if (Math.abs(begins - this.#origin) > FAR) this.#origin = begins;
    const ends = begins + span + Math.round(NOW_MARGIN / pixels);
    const scale = scaleOf(this.#origin, pixels);
    return { scale, begins, ends, at: now, width: this.#width, counted_from: null, top: 0, moving: true };
  }

  #drawFrame(frame) {
    const { journeys } = this.#traffic;
    frame.own = this.#order;
    const scene = place(this.#traffic, this.#outages, frame);
    if (this.#saga) scene.said = this.#saga.placeSaid(journeys, frame);
    const told = new Map(journeys.map((journey) => [journey.id, journey]));
    this.#plot.draw(scene, frame.scale.x(frame.begins), frame.moving, ({ id }) => describe(told.get(id)));
    const own = told.get(this.#order);
    if (own) this.dispatchEvent(new CustomEvent("graph-order", { bubbles: true, detail: { journey: own, outages: this.#outages, at: frame.at } }));
    if (Date.now() - this.#lastSaid < SAID_EVERY && !frame.over) return;
    this.#lastSaid = Date.now();
    const shown = journeys.filter((journey) => journey.kind === "checkout" && visible(journey, frame));
    const words = this.#saga ? journeys.map(describe).join(" ") : summary(shown, this.#outages, frame, `in the last ${this.#window} s`);
    this.#plot.describe("Train graph of the cluster; the arrow keys go from checkout to checkout", words);
    const below = this.closest("figure")?.querySelector('[data-part="words"]');
    if (below) below.textContent = words;
  }
}

customElements.define("train-graph", TrainGraph);
