// Moves between region, service and instance within the page: fetches the page that a link
// leads to, closes in on what was chosen, and puts the new plan in the place of the old one.

import { pageOf } from "../kit/own-markup.js";

const LASTS = 260; // milliseconds
const still = matchMedia("(prefers-reduced-motion: reduce)");
const PLACE = "/architecture/";

let shown = location.pathname; // of the page that is drawn
let going = null; // the way that is under way

/** The plan that is shown: the wide or the narrow one. */
export const visiblePlan = (root) =>
  [...root.querySelectorAll(".plan")].find((plan) => plan.checkVisibility?.() ?? plan.getClientRects().length);

/** Whether a click on this link is ours to follow. */
export const ours = (link) =>
  link.origin === location.origin && link.pathname.startsWith(PLACE) && !link.hash;

export const depth = (canvas) => ["region", "service", "instance"].indexOf(canvas.getAttribute("level"));

/** Go to an address below /architecture/. `from` is the node on the plan that was chosen. */
export async function go(address, { from = null, push = true } = {}) {
  going?.abort();
  const way = (going = new AbortController());
  const old = document.querySelector("architecture-canvas");
  const target = new URL(address, location.href);
  try {
    const [answer] = await Promise.all([
      fetch(target, { headers: { accept: "text/html" }, signal: way.signal }),
      from && closeIn(from),
    ]);
    const page = await pageOf(answer);
    const fresh = page.querySelector("architecture-canvas");
    if (!answer.ok || !fresh || !old) throw new Error("no plan there");
    if (way.signal.aborted) return;
    const left = shown.slice(PLACE.length).replace(/\/$/, "");
    const outwards = depth(fresh) < depth(old);
    if (push) history.pushState(null, "", target);
    shown = target.pathname;
    document.title = page.title;
    old.replaceWith(fresh);
    arrive(fresh, outwards ? left : "");
  } catch (error) {
    if (error.name !== "AbortError") location.assign(target);
  }
}

function arrive(canvas, left) {
  const plan = visiblePlan(canvas);
  const node = left ? plan?.querySelector(`[data-node="${CSS.escape(left)}"]`) : null;
  const to = node ?? canvas.querySelector('[data-part="heading"]');
  scrollTo({ top: 0, behavior: "instant" });
  to.focus({ preventScroll: !node });
  if (node) backOff(plan, node);
}

addEventListener("popstate", () => {
  // A jump within the page changes no path.
  if (location.pathname !== shown && location.pathname.startsWith(PLACE)) go(location.href, { push: false });
});

const boxOf = (node) => {
  const { x, y, width, height } = node.getBBox();
  const room = 0.25 * Math.max(width, height);
  return [x - room, y - room, width + 2 * room, height + 2 * room];
};

const wholeOf = (plan) => [0, 0, plan.viewBox.baseVal.width, plan.viewBox.baseVal.height];

function closeIn(node) {
  const plan = node.ownerSVGElement;
  return animate(plan, wholeOf(plan), boxOf(node));
}

function backOff(plan, node) {
  const whole = wholeOf(plan);
  return animate(plan, boxOf(node), whole);
}

async function animate(plan, from, to) {
  if (still.matches) return;
  // From the first frame, not from now: a frame that is late carries a time before this call.
  const began = await nextFrame();
  for (let part = 0; part < 1; ) {
    part = Math.min(1, ((await nextFrame()) - began) / LASTS);
    const eased = part < 0.5 ? 4 * part ** 3 : 1 - (2 - 2 * part) ** 3 / 2;
    plan.setAttribute("viewBox", from.map((start, index) => start + (to[index] - start) * eased).join(" "));
  }
}

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
