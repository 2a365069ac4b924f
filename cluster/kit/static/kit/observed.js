// Keeps the numbers of a page at what the observer last measured.
//
// <observed-numbers> holds elements with `data-observed`, a path into the snapshot such as
// "services.payments.outbox" (a list is entered by `name`), and `data-form`: count, rate or text.
// What the server has drawn stays until the first measurement, and is what there is without JavaScript.

import { followObservations } from "./observations.js";

const NO_READING = "no reading";

const FORMS = {
  count: (value) => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u00a0"),
  rate: (value) => value.toFixed(1),
  text: String,
};

function lookUp(snapshot, path) {
  return path.split(".").reduce((found, key) => {
    if (found === null || found === undefined) return null;
    return Array.isArray(found) ? found.find((one) => one.name === key) : found[key];
  }, snapshot);
}

class ObservedNumbers extends HTMLElement {
  #stop;

  connectedCallback() {
    this.#stop = followObservations({
      onSnapshot: (snapshot) => this.#show(snapshot),
      onState: () => {},
    });
  }

  disconnectedCallback() {
    this.#stop?.();
  }

  #show(snapshot) {
    if (document.hidden) return;
    for (const element of this.querySelectorAll("[data-observed]")) {
      const value = lookUp(snapshot, element.dataset.observed);
      const form = FORMS[element.dataset.form] ?? FORMS.text;
      const text = value === null || value === undefined ? NO_READING : form(value);
      if (element.textContent !== text) element.textContent = text;
    }
  }
}

customElements.define("observed-numbers", ObservedNumbers);
