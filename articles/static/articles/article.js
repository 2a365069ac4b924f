// An article on a screen: copy buttons, the current section, and where its notes stand.
// Without this module all of the text is there; the notes follow their paragraphs.

const WIDE = matchMedia("(min-width: 62rem)");
const COPIED_FOR = 2000; // milliseconds
const GAP = 16; // pixels between two notes

/** A button on each listing that copies its code, without line numbers. */
function addCopyButtons(root) {
  if (!navigator.clipboard) return;
  for (const listing of root.querySelectorAll("figure.listing")) {
    const button = document.createElement("button");
    const name = listing.querySelector(".number")?.textContent ?? "code";
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${name}`);
    const say = (word) => {
      button.textContent = word;
      button.setAttribute("aria-label", `${word}: ${name}`);
      setTimeout(() => {
        button.textContent = "Copy";
        button.setAttribute("aria-label", `Copy ${name}`);
      }, COPIED_FOR);
    };
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(listing.querySelector("pre").textContent).then(
        () => say("Copied"),
        () => say("Refused"),
      );
    });
    listing.append(button);
  }
}

/** Marks the section being read in every table of contents. */
function followSections(root) {
  const links = [...document.querySelectorAll(".contents a, .contents-folded a")];
  const headings = [...root.querySelectorAll(".prose :is(h2, h3)[id]")];
  if (!links.length || !headings.length) return;
  let current = "";
  const mark = () => {
    // The last heading above the upper third of the window; at the very end, the last of all.
    const line = innerHeight / 3;
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < line);
    const id = passed.at(-1)?.id ?? root.id;
    if (id === current) return;
    current = id;
    for (const link of links) {
      if (link.hash === `#${id}`) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  };
  // Wakes only when a heading crosses the line, never on every scroll.
  const watching = new IntersectionObserver(mark, { rootMargin: "0px 0px -66% 0px" });
  headings.forEach((heading) => watching.observe(heading));
  mark();
}

/** Wide: each note beside its mark. Narrow: folded, and unfolded by its mark. */
function placeNotes(root) {
  const notes = [...root.querySelectorAll(".sidenote")].map((note) => ({
    note,
    mark: document.getElementById(`${note.id}-mark`)?.querySelector("a"),
  }));
  if (!notes.length) return;

  const unfold = ({ note, mark }, open) => {
    note.classList.toggle("open", open);
    mark?.setAttribute("aria-expanded", String(open));
  };
  const arrange = () => {
    let bottom = -Infinity;
    for (const { note, mark } of notes) {
      note.style.transform = "";
      if (!WIDE.matches) {
        mark?.setAttribute("aria-expanded", String(note.classList.contains("open")));
        continue;
      }
      mark?.removeAttribute("aria-expanded");
      const own = note.getBoundingClientRect();
      // Only ever upwards: from where the text has put it to the line of its mark.
      const wanted = Math.max(mark?.getBoundingClientRect().top ?? own.top, bottom + GAP);
      const rise = Math.min(0, wanted - own.top);
      note.style.transform = `translateY(${rise}px)`;
      bottom = own.bottom + rise;
    }
  };
  for (const each of notes) {
    each.mark?.addEventListener("click", (event) => {
      if (WIDE.matches) return;
      event.preventDefault();
      unfold(each, !each.note.classList.contains("open"));
    });
    for (const kind of ["pointerenter", "focus"]) {
      each.mark?.addEventListener(kind, () => each.note.classList.add("lit"));
    }
    for (const kind of ["pointerleave", "blur"]) {
      each.mark?.addEventListener(kind, () => each.note.classList.remove("lit"));
    }
  }
  const reveal = () => notes.filter(({ note }) => `#${note.id}` === location.hash)
    .forEach((each) => unfold(each, true));

  root.classList.add("notes-fold");
  reveal();
  addEventListener("hashchange", reveal);
  // Fonts, figures and folded tables move the text: the notes go with it.
  new ResizeObserver(arrange).observe(root.querySelector(".prose"));
  document.fonts.ready.then(arrange);
}

const article = document.querySelector(".article");
if (article) {
  addCopyButtons(article);
  followSections(article);
  placeNotes(article);
}
