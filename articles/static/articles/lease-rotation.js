/* <lease-rotation>: the server has drawn the table; this keeps it current from the snapshots. */

import { LiveTable } from "./live-table.js";

class LeaseRotation extends LiveTable {
  begin() {
    this.scale = Number(this.dataset.scale);
    this.bar = Number(this.dataset.bar);
  }

  draw(snapshot) {
    // A lease that was renewed may be longer than any when the page was drawn.
    const longest = Math.max(...snapshot.services.map(({ lease }) => lease?.remaining_seconds ?? 0));
    if (longest > this.scale) {
      this.scale = longest;
      const whole = this.querySelector("[data-whole]");
      if (whole) whole.textContent = longest.toFixed(0);
    }
    super.draw(snapshot);
  }

  drawRow(row, { lease }) {
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
