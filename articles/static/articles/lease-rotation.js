/* <lease-rotation>: the server has drawn the table; this keeps it current from the snapshots. */

import { followObservations } from "../kit/observations.js";

class LeaseRotation extends HTMLElement {
  connectedCallback() {
    this.scale = Number(this.dataset.scale);
    this.bar = Number(this.dataset.bar);
    this.time = this.querySelector(":scope > .meta time");
    this.state = this.querySelector("[data-state]");
    this.visible = false;
    this.stop = followObservations({
      onSnapshot: (snapshot) => this.draw(snapshot),
      onState: (words) => { if (this.state) this.state.textContent = words; },
    });
    this.watch = new IntersectionObserver(([entry]) => { this.visible = entry.isIntersecting; });
    this.watch.observe(this);
  }

  disconnectedCallback() {
    this.stop?.();
    this.watch?.disconnect();
  }

  draw(snapshot) {
    if (document.hidden || !this.visible) return;
    if (this.time) {
      this.time.dateTime = snapshot.at;
      this.time.textContent = snapshot.at.slice(11, 19);
    }
    // A lease that was renewed may be longer than any when the page was drawn.
    const longest = Math.max(...snapshot.services.map(({ lease }) => lease?.remaining_seconds ?? 0));
    if (longest > this.scale) {
      this.scale = longest;
      const whole = this.querySelector("[data-whole]");
      if (whole) whole.textContent = longest.toFixed(0);
    }
    for (const { name, lease } of snapshot.services) {
      const row = this.querySelector(`tr[data-service="${CSS.escape(name)}"]`);
      if (row) this.drawRow(row, lease);
    }
  }

  drawRow(row, lease) {
    const say = (field, words) => {
      const cell = row.querySelector(`[data-field="${field}"]`);
      if (cell) cell.textContent = words;
    };
    const remaining = lease ? Math.max(0, lease.remaining_seconds) : null;
    say("role", lease ? lease.role : "not known");
    say("remaining", remaining === null ? "–" : `${remaining.toFixed(0)} s`);
    say("sessions", lease ? String(lease.sessions) : "–");
    const width = Math.min(1, (remaining ?? 0) / this.scale) * this.bar;
    row.querySelector(".rest")?.setAttribute("width", width.toFixed(1));
  }
}

customElements.define("lease-rotation", LeaseRotation);
