// Draws what Python has asked for with the browser's half of the code, as JSON on stdout.

import { readFileSync } from "node:fs";
import * as graph from "../../../portfolio/static/portfolio/train-graph-model.js";
import { placeSaid } from "../../../portfolio/static/portfolio/train-graph-saga.js";

const { events, outages, frames } = JSON.parse(readFileSync(0, "utf8"));
const traffic = graph.readTraffic(events.map(graph.graphEvent));
const spans = outages.map(graph.outage);

const scenes = frames.map(({ scale: { origin, pixels, breaks }, ...rest }) => {
  const frame = { ...rest, scale: graph.scaleOf(origin, pixels, breaks) };
  const scene = graph.place(traffic, spans, frame);
  if (frame.counted_from !== null) scene.said = placeSaid(traffic.journeys, frame);
  const shown = traffic.journeys.filter((journey) => journey.kind === "checkout" && graph.visible(journey, frame));
  return { scene, words: graph.summary(shown, spans, frame, "here") };
});
process.stdout.write(JSON.stringify({ traffic, spans, scenes, told: traffic.journeys.map(graph.describe) }));
