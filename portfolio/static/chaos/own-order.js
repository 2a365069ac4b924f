// The checkout that was started with the first fault of a run, in one sentence, as the graph tells of it.

import { seconds } from "../kit/train-graph-model.js";
import { write } from "./phases.js";

const LONG = 1000; // milliseconds without news after which a checkout waits

// What a step of a checkout means for its buyer.
const STEPS = {
  held: "limit held", reserved: "stock reserved", authorised: "payment authorised",
  confirmed: "order confirmed", captured: "payment captured",
};

// Writes into `line` what becomes of the order. `isMine()`: whether the reader's own run started it.
export function tellOfOrder(graph, line, isMine) {
  let link = null;
  graph.addEventListener("graph-order", ({ detail: { journey, outages, at } }) => {
    if (!link) {
      link = document.createElement("a");
      line.replaceChildren(link, document.createElement("span"));
    }
    const address = `/sagas/${journey.id}/`;
    if (link.getAttribute("href") !== address) link.href = address;
    write(link, `${isMine() ? "Your order" : "The order of whoever asked"} ${journey.headcode}`);
    write(line.lastChild, `: ${story(journey, outages, at)}.`);
  });
}

function story({ began, ended, outcome, last, stops }, outages, at) {
  const done = stops.map(({ verb }) => STEPS[verb]).filter(Boolean);
  if (ended !== null && began === null) return outcome; // the page has not seen its beginning
  if (ended !== null) {
    const captured = stops.filter(({ verb }) => verb === "captured").length;
    const charged = captured === 0 ? "nothing was charged" : captured === 1 ? "charged once" : `charged ${captured} times`;
    return `${outcome} in ${seconds(ended - began)}, ${charged}`;
  }
  const so = done.length ? done.join(", ") : "accepted";
  if (at - last < LONG) return so;
  const away = outages.filter((span) => span.ended === null && !span.fault).map(({ process }) => process);
  const whom = away.length ? `waiting for ${away.join(" and ")}` : "waiting";
  return `${so}, ${whom}, ${Math.floor((at - last) / 1000)} s`;
}
