/* A text that is being written, kept in this browser until the site has it.
 *
 * One entry for each article and user. It is dropped as soon as a page shows, as stored,
 * the very text that was kept.
 */

const FIELDS = ["title", "summary", "body", "what_changed", "note", "tag_names"];
const PREFIX = "article-text:";
const SENT = "article-text-sent";

const normal = (text) => text.replaceAll("\r\n", "\n").trimEnd();

export class KeptText {
  constructor(key) {
    this.name = PREFIX + key;
    const [user] = key.split(":");
    this.newName = `${PREFIX}${user}:new`;
  }

  keep(form) {
    const fields = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name]?.value ?? ""]));
    if (!fields.body.trim() && !fields.title.trim()) return;
    this.write(localStorage, this.name, { at: Date.now(), fields });
  }

  /** The form is on its way; a new article will be stored under another key. */
  sent(form) {
    this.keep(form);
    if (this.name === this.newName) {
      this.write(sessionStorage, SENT, { body: normal(form.elements.body.value) });
    }
  }

  /** What was kept and is not what the form holds; null when there is nothing to offer. */
  found(form) {
    this.dropSent(form);
    const kept = this.read(localStorage, this.name);
    if (!kept?.fields) return null;
    const differs = ["title", "summary", "body"].some(
      (name) => normal(kept.fields[name] ?? "") !== normal(form.elements[name].value),
    );
    if (differs) return kept;
    this.forget();
    return null;
  }

  restore(form, kept) {
    for (const name of FIELDS) {
      if (form.elements[name] && name in kept.fields) form.elements[name].value = kept.fields[name];
    }
  }

  forget() {
    try { localStorage.removeItem(this.name); } catch { /* storage is switched off */ }
  }

  /** The new article that was just sent has arrived: its copy is not needed any more. */
  dropSent(form) {
    const sent = this.read(sessionStorage, SENT);
    if (!sent || this.name === this.newName) return;
    if (sent.body !== normal(form.elements.body.value)) return;
    try {
      localStorage.removeItem(this.newName);
      sessionStorage.removeItem(SENT);
    } catch { /* storage is switched off */ }
  }

  read(storage, name) {
    try { return JSON.parse(storage.getItem(name)); } catch { return null; }
  }

  write(storage, name, value) {
    try { storage.setItem(name, JSON.stringify(value)); } catch { /* full, or switched off */ }
  }
}
