/* The editor's script: live preview, things to insert, and a copy of the text in this browser.
 *
 * Without it the form works all the same; the preview is then a page of its own.
 */

import { KeptText } from "./kept-text.js";
import "./article-preview.js";

const PAUSE = 400; // ms without a key before the preview is asked for
const KEEP_PAUSE = 600; // ms without a key before the text is kept

class ArticleEditor extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.body = this.form.elements.body;
    this.preview = this.querySelector("article-preview");
    this.state = this.querySelector("[data-state]");
    this.count = this.querySelector("[data-count]");
    this.problems = this.querySelector("[data-problems]");
    this.kept = new KeptText(this.dataset.key);
    this.asked = 0;
    for (const part of this.querySelectorAll(".scripted")) part.hidden = false;
    this.form.addEventListener("input", () => this.changed());
    this.form.addEventListener("submit", (event) => this.submitted(event));
    this.querySelector("[data-insert]").addEventListener("change", (event) => this.insert(event.target));
    for (const button of this.querySelectorAll("[data-wrap]")) {
      button.addEventListener("click", () => this.wrap(button.dataset.wrap, button.dataset.wrap));
    }
    this.querySelector("[data-link]").addEventListener("click", () => this.wrap("[", "](https://)"));
    this.problems.addEventListener("click", (event) => this.jump(event.target.closest("[data-line]")));
    addEventListener("beforeunload", (event) => { if (this.dirty && !this.sending) event.preventDefault(); });
    this.offerKept();
    this.querySelector("#trouble")?.focus();
    this.show();
  }

  /* Preview ------------------------------------------------------------------ */

  changed() {
    this.dirty = true;
    clearTimeout(this.previewTimer);
    clearTimeout(this.keepTimer);
    this.previewTimer = setTimeout(() => this.show(), PAUSE);
    this.keepTimer = setTimeout(() => this.keep(), KEEP_PAUSE);
  }

  tooLong() {
    const bytes = new TextEncoder().encode(this.body.value).length;
    const most = Number(this.dataset.largest);
    return bytes > most
      ? `The text is ${Math.floor(bytes / 1000)} kB long; an article may have ${most / 1000} kB.`
      : "";
  }

  async show() {
    const turn = ++this.asked; // so that the answer to a shorter text, still on its way, is not shown
    const tooLong = this.tooLong();
    if (tooLong) {
      this.say(`${tooLong} It cannot be saved or previewed, and is not lost.`);
      return;
    }
    const data = new FormData();
    for (const name of ["csrfmiddlewaretoken", "body"]) data.set(name, this.form.elements[name].value);
    this.say("reading…");
    let answer;
    try {
      answer = await fetch(this.dataset.preview, {
        method: "POST",
        body: data,
        headers: { Accept: "application/json" },
        redirect: "manual",
      });
    } catch {
      if (turn !== this.asked) return;
      this.say("no preview: the site does not answer. Your text is kept in this browser.");
      return;
    }
    if (turn !== this.asked) return; // a later text is on its way
    if (answer.type === "opaqueredirect" || answer.status === 403) {
      this.keep();
      this.say("you are signed out. Your text is kept in this browser; sign in again to save it.");
      return;
    }
    if (!answer.ok) {
      this.say("no preview at this moment.");
      return;
    }
    const drawn = await answer.json();
    if (turn === this.asked) this.draw(drawn);
  }

  draw({ html, problems, words, minutes, sheets }) {
    this.preview.show(html, sheets);
    this.count.textContent = `${words} words, ${minutes} min`;
    // The same as the server's answer below the text, and newer.
    for (const said of this.querySelectorAll(".by-line")) said.remove();
    const count = problems.length;
    this.say(count === 0 ? "as readers get it" : count === 1 ? "one place to mend" : `${count} places to mend`);
    this.problems.replaceChildren(...problems.map(({ line, sentence }) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.line = line;
      button.textContent = `Line ${line}`;
      item.append(button, `: ${sentence}`);
      return item;
    }));
  }

  say(words) {
    this.state.textContent = words;
  }

  /* Writing ------------------------------------------------------------------ */

  jump(place) {
    if (!place) return;
    const lines = this.body.value.split("\n");
    const line = Math.min(Number(place.dataset.line), lines.length);
    const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    this.body.focus();
    this.body.setSelectionRange(start, start + lines[line - 1].length);
    // No browser scrolls a text area to its selection; long lines wrap, so this is near, not exact.
    this.body.scrollTop = (start / this.body.value.length) * this.body.scrollHeight - this.body.clientHeight / 3;
  }

  insert(menu) {
    const text = menu.value;
    menu.value = "";
    if (!text) return;
    const before = this.body.value.slice(0, this.body.selectionStart);
    const block = text.includes("\n");
    const lead = !block || before === "" || before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
    this.type(lead + text);
  }

  wrap(opening, closing) {
    const { selectionStart: start, selectionEnd: end, value } = this.body;
    this.type(`${opening}${value.slice(start, end)}|${closing}`);
  }

  /** Put text at the cursor, as if it was typed, so that it can be undone; `|` is the new cursor. */
  type(text) {
    const at = text.indexOf("|");
    const plain = at < 0 ? text : text.slice(0, at) + text.slice(at + 1);
    const start = this.body.selectionStart;
    this.body.focus();
    if (!document.execCommand("insertText", false, plain)) {
      this.body.setRangeText(plain);
      this.body.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const cursor = start + (at < 0 ? plain.length : at);
    this.body.setSelectionRange(cursor, cursor);
  }

  /* Keeping ------------------------------------------------------------------- */

  keep() {
    this.kept.keep(this.form);
  }

  submitted(event) {
    if (event.submitter?.hasAttribute("formaction")) return; // the preview as a page
    const tooLong = this.tooLong();
    if (tooLong) {
      event.preventDefault();
      this.say(`${tooLong} Nothing was sent, and nothing is lost.`);
      this.state.scrollIntoView({ block: "center" });
      return;
    }
    this.kept.sent(this.form);
    this.sending = true;
  }

  offerKept() {
    const kept = this.kept.found(this.form);
    if (!kept) return;
    const notice = this.querySelector("[data-kept]");
    this.querySelector("[data-kept-at]").textContent = new Date(kept.at).toLocaleString("en-GB");
    notice.hidden = false;
    this.querySelector("[data-restore]").addEventListener("click", () => {
      this.kept.restore(this.form, kept);
      notice.hidden = true;
      this.changed();
      this.body.focus();
    });
    this.querySelector("[data-forget]").addEventListener("click", () => {
      this.kept.forget();
      notice.hidden = true;
      this.body.focus();
    });
  }
}

customElements.define("article-editor", ArticleEditor);
