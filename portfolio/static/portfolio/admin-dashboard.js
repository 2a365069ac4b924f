// The admin's first page draws itself anew every few seconds: the server draws, this only
// swaps the parts that have changed, and leaves alone the one that somebody is using.

const EVERY = 5000; // milliseconds
const note = document.querySelector("[data-refreshed]");
let timer = 0;

async function refresh() {
  try {
    const answer = await fetch(location.pathname, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    say("");
  } catch {
    say(" · the site does not answer; this is how things were");
  }
  plan();
}

function swap(fresh) {
  const selected = getSelection();
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.getElementById(part.id);
    const used = part.contains(document.activeElement) ||
      (!selected.isCollapsed && selected.containsNode(part, true));
    if (!next || used || next.innerHTML === part.innerHTML) continue;
    part.replaceWith(document.adoptNode(next));
  }
  const drawn = fresh.querySelector("[data-refreshed]");
  if (drawn) note.previousSibling.textContent = drawn.previousSibling.textContent;
}

function say(words) {
  if (note.textContent !== words) note.textContent = words;
}

function plan() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, EVERY);
}

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
plan();
