// A demo's form says that it runs, and what to do when the web server dies meanwhile. Without this
// script the form works as forms do.

import "./shell-lines.js";

import { pageOf } from "../kit/own-markup.js";

class DemoRun extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.state = this.querySelector('[data-part="state"]');
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
  }

  async run() {
    const button = this.form.querySelector("button");
    const choices = new FormData(this.form);
    button.disabled = true;
    this.state.textContent = "Running on the cluster …";
    try {
      const answer = await fetch(this.form.action, { method: "POST", body: choices });
      if (answer.redirected) {
        location.assign(`${answer.url}#result`);
        return;
      }
      this.state.textContent = await sentenceOf(answer);
    } catch {
      // The run has an id of its own: sent again, it is not begun twice.
      this.state.textContent = "The web server went away while it ran. Run it again: it is not begun twice.";
    }
    button.disabled = false;
  }
}

async function sentenceOf(answer) {
  const page = await pageOf(answer);
  const detail = page.querySelector("main .lead") ?? page.querySelector("main");
  return detail?.textContent.trim() || `It was refused with status ${answer.status}.`;
}

customElements.define("demo-run", DemoRun);
