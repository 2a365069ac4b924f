// Draws one event as a row of the table, from the template that the server drew its own rows with.

export function drawRow(template, event) {
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.saga = event.correlation;
  row.dataset.seq = event.seq;
  const clock = event.time.slice(11, 23);
  const time = row.querySelector("time");
  time.dateTime = event.time;
  time.firstElementChild.textContent = clock.slice(0, 8);
  time.lastElementChild.textContent = clock.slice(8);
  row.querySelector(".code").textContent = event.code;
  const verb = row.querySelector(".verb");
  verb.classList.add(event.mark);
  verb.querySelector("use").setAttribute("href", `#mark-${event.mark}`);
  verb.querySelector("span").textContent = event.verb;
  const headcode = row.querySelector(".headcode");
  headcode.textContent = event.headcode;
  headcode.href = `/sagas/${event.correlation}/`;
  row.querySelector(".detail span").textContent = event.detail;
  return row;
}
