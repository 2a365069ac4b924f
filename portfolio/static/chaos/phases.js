// The stations of a run, moved along as the observer tells; portfolio/chaos_pages/content/phases.py draws them first.

const MARKS = { passed: "#mark-committed", here: "#mark-in-flight", ahead: "#mark-ahead" };

// Marks a station or a lesson as passed, here or ahead.
export function stand(element, standing) {
  if (element.className === standing) return;
  element.className = standing;
  element.querySelector("use").setAttribute("href", MARKS[standing]);
  if (standing === "here") element.setAttribute("aria-current", "step");
  else element.removeAttribute("aria-current");
}

// Moves a line to `phase`; null: nothing runs. The station that it stands at, or null.
export function moveTo(line, phase) {
  const stations = [...line.children];
  const at = phase === "ended" ? stations.length : stations.findIndex(({ dataset }) => dataset.phase === phase);
  stations.forEach((station, number) => {
    stand(station, number === at ? "here" : number < at ? "passed" : "ahead");
  });
  return stations[at] ?? null;
}

// A sentence to a screen reader, the latest of those that come in five seconds.
export function speaker(region) {
  const EVERY = 5000; // milliseconds
  let spokenAt = -Infinity;
  let timer = 0;
  return (words) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      spokenAt = performance.now();
      region.textContent = words;
    }, Math.max(0, spokenAt + EVERY - performance.now()));
  };
}

export const write = (element, words) => {
  if (element && element.textContent !== words) element.textContent = words;
};
