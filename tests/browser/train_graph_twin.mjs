// Draws what Python has asked for with the browser's half of the code.

import * as graph from "../../cluster/kit/static/kit/train-graph-model.js";
import { placeSaid } from "../../cluster/kit/static/kit/train-graph-saga.js";

export function draw({ events, outages, frames }) {
  const traffic = graph.readTraffic(events.map(graph.graphEvent));
  const spans = outages.map(graph.outage);
  const scenes = frames.map((frame) => drawFrame(frame, traffic, spans));
  return { traffic, spans, scenes, told: traffic.journeys.map(graph.describe) };
}

function drawFrame({ scale: { origin, pixels, breaks }, ...rest }, traffic, spans) {
  const frame = { ...rest, scale: graph.scaleOf(origin, pixels, breaks) };
  const scene = graph.place(traffic, spans, frame);
  if (frame.counted_from !== null) scene.said = placeSaid(traffic.journeys, frame);
  const shown = traffic.journeys.filter((journey) => journey.kind === "checkout" && graph.visible(journey, frame));
  return { scene, words: graph.summary(shown, spans, frame, "here") };
}
