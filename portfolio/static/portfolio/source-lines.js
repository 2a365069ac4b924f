// Marks the lines that the address names, and lets a reader name others.
//
// #L40 and #L40-L72 are marked here; a click on a number takes one line, a click with
// Shift extends to a range. Without this module the page marks definitions by itself.

const NAMED = /^#L(\d+)(?:-L?(\d+))?$/;
const code = document.querySelector(".listing code");
const state = document.getElementById("lines-state");
const copy = document.getElementById("copy-link");
const field = document.getElementById("lines");

function named(hash) {
  const found = NAMED.exec(hash);
  if (!found) return null;
  const [first, last] = [Number(found[1]), Number(found[2] ?? found[1])];
  return { first: Math.min(first, last), last: Math.max(first, last) };
}

function fragment({ first, last }) {
  return first === last ? `#L${first}` : `#L${first}-L${last}`;
}

function mark(range) {
  for (const line of code.querySelectorAll(".chosen")) line.classList.remove("chosen");
  let marked = 0;
  for (let number = range.first; number <= range.last; number += 1) {
    const line = document.getElementById(`L${number}`);
    if (!line) break;
    line.classList.add("chosen");
    marked += 1;
  }
  copy.hidden = marked === 0;
  if (marked === 0) {
    state.textContent = `This file has no line ${range.first}.`;
    return;
  }
  const one = marked === 1;
  const last = range.first + marked - 1;
  field.value = one ? `${range.first}` : `${range.first}-${last}`;
  state.textContent = one ? `Line ${range.first} is marked.` : `Lines ${range.first}–${last} are marked.`;
}

function follow() {
  const range = named(location.hash);
  if (!range) return;
  mark(range);
  document.getElementById(`L${range.first}`)?.scrollIntoView({ block: "start" });
}

function choose(event) {
  const number = event.target.closest("a.number");
  if (!number || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const line = Number(number.textContent);
  const before = event.shiftKey ? named(location.hash) : null;
  const range = before
    ? { first: Math.min(before.first, line), last: Math.max(before.first, line) }
    : { first: line, last: line };
  // Replaced, not pushed: the way back leads out of the file, not through every click.
  history.replaceState(null, "", location.pathname + fragment(range));
  mark(range);
}

async function copyLink() {
  const link = new URL(location.pathname, location.origin);
  const range = named(`#L${field.value.replace("-", "-L")}`);
  if (range) link.hash = fragment(range);
  try {
    await navigator.clipboard.writeText(link.href);
    state.textContent = "The link is copied.";
  } catch {
    state.textContent = link.href; // the browser forbids it: then it can be copied by hand
  }
}

if (code) {
  code.addEventListener("click", choose);
  copy.addEventListener("click", copyLink);
  addEventListener("hashchange", follow);
  copy.hidden = !code.querySelector(".chosen");
  follow();
}
