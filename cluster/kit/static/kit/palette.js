// The command palette and the list of shortcuts, both native dialogs; loaded on first use.

import { ownMarkup } from "./own-markup.js";

const MOST_SHOWN = 12;
const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);

const PALETTE = `
  <form method="dialog">
    <div class="bar"><label for="palette-query">Go to</label><button class="quiet" value="close">Close</button></div>
    <input id="palette-query" type="text" role="combobox" aria-expanded="true" aria-autocomplete="list"
      aria-controls="palette-list" autocomplete="off" autocapitalize="none" spellcheck="false" autofocus>
    <ul id="palette-list" role="listbox" aria-label="Places"></ul>
    <p class="meta" role="status"></p>
  </form>`;

const HELP = `
  <form method="dialog">
    <div class="bar"><h2 id="help-title">Keyboard</h2><button class="quiet" value="close" autofocus>Close</button></div>
    <dl class="definition"></dl>
    <label class="choice"><input type="checkbox" checked>Shortcuts of a single key</label>
  </form>`;

const dialogs = {};

/** Open "palette" or "help"; an open one stays as it is. */
export const open = (what) => {
  if (document.querySelector("dialog.shell[open]")) return;
  dialogs[what] ??= what === "palette" ? makePalette() : makeHelp();
  dialogs[what].showModal();
};

const dialog = (markup, attributes) => {
  const made = document.createElement("dialog");
  made.className = "shell";
  made.innerHTML = ownMarkup(markup); // ours alone: what is fetched goes in as text
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.addEventListener("click", (event) => { if (event.target === made) made.close(); });
  document.body.append(made);
  return made;
};

// Palette -----------------------------------------------------------------

const makePalette = () => {
  const made = dialog(PALETTE, { "aria-label": "Go to" });
  const query = made.querySelector("input");
  const list = made.querySelector("ul");
  const status = made.querySelector("[role=status]");
  let entries = null;
  let chosen = 0;

  const draw = () => {
    if (!entries) return;
    const found = search(entries, query.value);
    const shown = found.slice(0, MOST_SHOWN);
    list.replaceChildren(...shown.map(drawEntry));
    choose(0);
    status.textContent = found.length > shown.length ? `${shown.length} of ${found.length} found`
      : found.length ? `${found.length} found` : "Nothing of this name";
  };

  const choose = (index) => {
    const options = list.children;
    chosen = options.length ? (index + options.length) % options.length : 0;
    for (const [at, option] of [...options].entries()) option.setAttribute("aria-selected", at === chosen);
    const option = options[chosen];
    if (option) query.setAttribute("aria-activedescendant", option.id);
    else query.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  };

  const go = (option, elsewhere) => {
    if (!option) return;
    made.close();
    if (elsewhere) window.open(option.dataset.address, "_blank", "noopener");
    else location.href = option.dataset.address;
  };

  query.addEventListener("input", draw);
  query.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose(chosen + step);
    else if (event.key === "Enter") go(list.children[chosen], event.ctrlKey || event.metaKey);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => go(event.target.closest("li"), event.ctrlKey || event.metaKey));

  const load = async () => {
    query.value = "";
    if (entries) return draw();
    status.textContent = "Loading";
    try {
      const answer = await fetch("/palette.json");
      if (!answer.ok) throw new Error(answer.statusText);
      ({ entries } = await answer.json());
      draw();
    } catch {
      status.textContent = "The list could not be fetched; open the palette again to try again.";
    }
  };
  const { showModal } = made;
  made.showModal = () => { showModal.call(made); load(); };
  return made;
};

const drawEntry = (entry, index) => {
  const option = document.createElement("li");
  option.id = `palette-${index}`;
  option.setAttribute("role", "option");
  option.dataset.address = entry.address;
  const title = document.createElement("span");
  title.textContent = entry.title;
  const kind = document.createElement("span");
  kind.className = "meta";
  kind.textContent = entry.kind;
  option.append(title, " ", kind);
  return option;
};

/** The entries in which every word occurs, those first whose title begins with one. */
const search = (entries, query) => {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return entries
    .map((entry, order) => ({ entry, order, rank: rank(entry, words) }))
    .filter((found) => found.rank > 0)
    .sort((one, other) => other.rank - one.rank || one.order - other.order)
    .map((found) => found.entry);
};

const KIND_RANK = { page: 4, article: 3, service: 2, node: 1, source: 0 };

const rank = ({ kind, title, words }, sought) => {
  const name = title.toLowerCase();
  const all = `${name} ${words.toLowerCase()}`;
  let sum = 1 + KIND_RANK[kind];
  for (const word of sought) {
    if (name.startsWith(word)) sum += 40;
    else if (new RegExp(`[\\s/._-]${escape(word)}`).test(name)) sum += 20;
    else if (name.includes(word)) sum += 10;
    else if (all.includes(word)) sum += 4;
    else return 0;
  }
  return sum;
};

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// Help --------------------------------------------------------------------

const makeHelp = () => {
  const made = dialog(HELP, { "aria-labelledby": "help-title" });
  const links = [...document.querySelectorAll("[data-key]")];
  made.querySelector("dl").append(
    ...row([APPLE ? "⌘ K" : "Ctrl K", "/"], "Go to a page, an article, a service, a file"),
    ...row(["?"], "This list"),
    ...row(["Tab"], "From the top of a page: skip to the content, the sections, the state"),
    ...links.flatMap((link) => row([`g ${link.dataset.key}`], link.dataset.key === "h" ? "First page" : link.textContent)),
  );
  const choice = made.querySelector("input");
  try { choice.checked = localStorage.getItem("single-keys") !== "off"; } catch { choice.disabled = true; }
  choice.addEventListener("change", () => {
    try { localStorage.setItem("single-keys", choice.checked ? "on" : "off"); } catch { /* not kept */ }
  });
  return made;
};

const row = (keys, words) => {
  const term = document.createElement("dt");
  keys.forEach((key, index) => {
    if (index) term.append(" or ");
    const drawn = document.createElement("kbd");
    drawn.textContent = key;
    term.append(drawn);
  });
  const detail = document.createElement("dd");
  detail.textContent = words;
  return [term, detail];
};
