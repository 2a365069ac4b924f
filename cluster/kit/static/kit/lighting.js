// Pointing at a saga anywhere on the page lights it everywhere: its rows and its trace.

let lit = "";
let mark = "";

function light(saga, seq) {
  if (saga === lit && seq === mark) return;
  lit = saga;
  mark = seq;
  for (const old of document.querySelectorAll(".lit")) old.classList.remove("lit");
  if (saga) for (const part of document.querySelectorAll(`[data-saga="${saga}"]`)) part.classList.add("lit");
  if (seq && seq !== "0") for (const part of document.querySelectorAll(`[data-seq="${seq}"]`)) part.classList.add("lit");
  for (const graph of document.querySelectorAll(".train-graph")) {
    graph.classList.toggle("lighting", graph.querySelector(".trace.lit") !== null);
  }
}

// The saga with the keyboard's focus stays lit while the pointer is at none.
function pointed({ target }) {
  const at = (target.closest?.("[data-saga]") ? target : document.activeElement) ?? target;
  light(at.closest?.("[data-saga]")?.dataset.saga ?? "", at.closest?.("[data-seq]")?.dataset.seq ?? "");
}

document.addEventListener("pointerover", pointed);
document.addEventListener("focusin", pointed);
document.addEventListener("focusout", () => light("", ""));
