/* <article-preview>: the rendered text with the site's own sheets, away from the admin's.
 *
 * The HTML has passed the site's allow-list, and the page's policy runs no script that
 * it may hold.
 */

class ArticlePreview extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: "open" });
    this.sheets = new Set();
    this.paper = document.createElement("div");
    this.paper.className = "prose";
    root.append(document.createElement("slot"));
    for (const sheet of this.dataset.sheets.split(/\s+/).filter(Boolean)) this.link(sheet);
  }

  show(html, sheets = []) {
    sheets.forEach((sheet) => this.link(sheet));
    this.shadowRoot.querySelector("slot")?.remove();
    this.paper.innerHTML = html;
    if (!this.paper.isConnected) this.shadowRoot.append(this.paper);
  }

  link(sheet) {
    if (this.sheets.has(sheet)) return;
    this.sheets.add(sheet);
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = sheet;
    this.shadowRoot.append(link);
  }
}

customElements.define("article-preview", ArticlePreview);
