/* The base of figures whose table the server has drawn, and which the snapshots keep current.
 *
 * A figure has `begin`, which reads what the server drew, and `drawRow`, which draws one service.
 * It is drawn only while it can be seen.
 */

import { followObservations } from "../kit/observations.js";

export class LiveTable extends HTMLElement {
  connectedCallback() {
    this.time = this.querySelector(":scope > .meta time");
    this.state = this.querySelector("[data-state]");
    this.visible = false;
    this.begin();
    this.stop = followObservations({
      onSnapshot: (snapshot) => { if (!document.hidden && this.visible) this.draw(snapshot); },
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
    if (this.time) {
      this.time.dateTime = snapshot.at;
      this.time.textContent = snapshot.at.slice(11, 19);
    }
    for (const service of snapshot.services) {
      const row = this.querySelector(`tr[data-service="${CSS.escape(service.name)}"]`);
      if (row) this.drawRow(row, service);
    }
  }
}
