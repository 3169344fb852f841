"use strict";
// Draws a boot's events, and the part of them that is zoomed to. Everything that a guest has said
// goes in as text.
const { seconds: whole, debug, lanes } = JSON.parse(document.getElementById("data").textContent);
const [FROM, TO, TEXT, WRONG, AT, POSITION, ABOUT] = [0, 1, 2, 3, 4, 5, 6];
const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["--one", "--two", "--three", "--four", "--five", "--six"];
const LEAST_S = 1e-4, MOST_ROWS = 200, MOST_CHOSEN = 12, NARROW = 640, LETTERS = 4, SIZE = 12;
const chart = document.getElementById("chart");
const pen = document.createElement("canvas").getContext("2d");
pen.font = `${SIZE}px ${getComputedStyle(chart).fontFamily}`;
const span = Math.max(whole, LEAST_S) * 1.02;
const withPositions = lanes.some(([, events]) => events.some((event) => event[POSITION] !== null));
let from = 0, to = span, chosen = [];

function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
function shape(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
const many = (value) => value.toLocaleString("en");

function precise(value) {
  const digits = Math.min(6, Math.max(2, 2 - Math.floor(Math.log10(to - from))));
  return value.toFixed(digits);
}

function ticks() {
  const rough = (to - from) / 8, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return [found, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))];
}

// what lies on the same three pixels is one mark
function marks(events, x) {
  const found = [];
  for (const event of events) {
    if (event[TO] < from || event[FROM] > to) continue;
    const left = x(Math.max(event[FROM], from)), right = x(Math.min(event[TO], to));
    const last = found.at(-1);
    if (last && left - last.left < 3) {
      last.events.push(event);
      last.right = Math.max(last.right, right);
      last.wrong ||= event[WRONG];
    } else found.push({ left, right, events: [event], wrong: event[WRONG] });
  }
  return found;
}

function labelled(mark) {
  const more = mark.events.length > 1 ? `${many(mark.events.length)}: ` : "";
  const told = mark.events.find((event) => event[WRONG]) ?? mark.events[0];
  return (more + told[TEXT]).replace(/\s+/g, " ");  // as SVG has them
}

// as much of a text as there is room for, in pixels
function fitting(text, room) {
  const fits = (letters) => pen.measureText(letters < text.length ? `${text.slice(0, letters - 1)}…` : text).width <= room;
  let least = 0, most = text.length;
  while (least < most) {
    const letters = Math.ceil((least + most) / 2);
    if (fits(letters)) least = letters; else most = letters - 1;
  }
  return least < text.length ? least < LETTERS ? "" : `${text.slice(0, least - 1)}…` : text;
}

function draw() {
  const wide = Math.max(300, chart.clientWidth), narrow = wide < NARROW;
  const names = narrow ? 10 : 128, right = 12, top = 30, height = narrow ? 46 : 32, bar = 16;
  const x = (at) => names + ((at - from) / (to - from)) * (wide - names - right);
  const tall = top + lanes.length * height + 8;
  const svg = shape("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall, "aria-hidden": "true" });
  const [at, digits] = ticks();
  for (const each of narrow ? at.filter((_, number) => number % 2 === 0) : at) {
    svg.append(shape("line", { x1: x(each), x2: x(each), y1: top - 6, y2: tall, class: "tick" }));
    svg.append(shape("text", { x: x(each), y: 16, "font-size": SIZE, "text-anchor": x(each) > wide - 40 ? "end" : x(each) < 30 ? "start" : "middle" }, `${each.toFixed(digits)} s`));
  }
  lanes.forEach(([name, events], row) => {
    const y = top + row * height, middle = y + (narrow ? 20 : 6);
    svg.append(shape("line", { x1: 0, x2: wide, y1: y, y2: y, class: "lane" }));
    svg.append(shape("text", { x: narrow ? 6 : names - 10, y: y + (narrow ? 13 : 19), "font-size": SIZE, "text-anchor": narrow ? "start" : "end", class: "name" }, name));
    const found = marks(events, x);
    found.forEach((mark, number) => {
      const size = Math.max(mark.right - mark.left, 3);
      const drawn = shape("rect", {
        x: mark.left, y: middle, width: size, height: bar, rx: 1.5, "fill-opacity": size > 6 ? 0.55 : 0.95,
        class: `mark${mark.wrong ? " wrong" : ""}${mark.events.some((event) => chosen.includes(event)) ? " chosen" : ""}`,
        ...(mark.wrong ? {} : { fill: `var(${COLOURS[row % COLOURS.length]})` }),
      }, shape("title", {}, labelled(mark)));
      drawn.addEventListener("click", () => choose(mark.events, name));
      svg.append(drawn);
      const room = (found[number + 1]?.left ?? wide - right) - mark.left - 10;
      const text = room > 0 ? fitting(labelled(mark), room) : "";
      if (text) svg.append(shape("text", { x: mark.left + 6, y: middle + 12, "font-size": SIZE, class: "said" }, text));
    });
  });
  chart.replaceChildren(svg);
  document.getElementById("window").textContent = `${precise(from)} to ${precise(Math.min(to, whole))} s`;
  table();
}

function command(event, id) {
  if (!debug || !event[AT]) return [];
  const words = `${debug} ${event[AT]}`;
  return [el("div", { class: "command" }, el("code", { id }, words),
    el("button", { type: "button", class: "copy", "data-copies": id, "aria-label": "Copy the command" }, "Copy"),
    el("span", { class: "copied", role: "status" }))];
}

function choose(events, name) {
  chosen = events;
  const shown = events.slice(0, MOST_CHOSEN).flatMap((event, number) => {
    const ends = event[TO] > event[FROM] ? ` to ${event[TO].toFixed(6)}` : "";
    const when = `${event[FROM].toFixed(6)}${ends} s${event[ABOUT] ? ` (${event[ABOUT]})` : ""}`;
    const where = event[POSITION] === null ? "" : `, instruction ${many(event[POSITION])}`;
    return [el("p", {}, el("b", {}, event[TEXT])), el("p", { class: "dim" }, `${name}, ${when}${where}`), ...command(event, `chosen-${number}`)];
  });
  const more = events.length - MOST_CHOSEN;
  if (more > 0) shown.push(el("p", { class: "dim" }, `and ${many(more)} more here: zoom in, or see the table`));
  document.getElementById("chosen").replaceChildren(...shown);
  draw();
}

function table() {
  const inside = lanes.flatMap(([name, events]) => events.filter((event) => event[TO] >= from && event[FROM] <= to).map((event) => [name, event]));
  inside.sort(([, one], [, other]) => one[FROM] - other[FROM]);
  document.getElementById("shown").textContent = inside.length > MOST_ROWS
    ? `The first ${MOST_ROWS} of ${many(inside.length)} events in this window: zoom in to see the others.`
    : `${many(inside.length)} events in this window.`;
  document.getElementById("rows").replaceChildren(...inside.slice(0, MOST_ROWS).map(([name, event]) => {
    const button = el("button", { type: "button", "aria-label": `Choose the event at ${event[FROM].toFixed(4)} s` }, `${event[ABOUT] ? "~" : ""}${event[FROM].toFixed(4)}`);
    button.addEventListener("click", () => choose([event], name));
    const position = withPositions ? [el("td", { class: "number" }, event[POSITION] === null ? "" : many(event[POSITION]))] : [];
    const kind = `${event[WRONG] ? "wrong " : ""}${chosen.includes(event) ? "chosen" : ""}`;
    return el("tr", kind ? { class: kind.trim() } : {}, el("td", { class: "number" }, button), el("td", { class: "lane" }, name), el("td", {}, event[TEXT]), ...position);
  }));
}

let waiting = 0;
function show(first, last) {
  const size = Math.min(Math.max(last - first, LEAST_S), span);
  from = Math.min(Math.max(first, 0), span - size);
  to = from + size;
  history.replaceState(null, "", size === span ? location.pathname + location.search : `#${from.toFixed(6)}-${to.toFixed(6)}`);
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(draw);
}
function zoom(factor, at = (from + to) / 2) {
  show(at - (at - from) * factor, at + (to - at) * factor);
}
const move = (part) => show(from + part * (to - from), to + part * (to - from));
// the first that is wrong, and not only how it ended
const wrong = lanes.flatMap(([, events]) => events).filter((event) => event[WRONG] && event[FROM] < whole).sort((one, other) => one[FROM] - other[FROM])[0];
const ACTIONS = {
  wrong: () => show(wrong[FROM] - span / 40, wrong[FROM] + span / 40),
  in: () => zoom(0.5), out: () => zoom(2), left: () => move(-0.25), right: () => move(0.25), all: () => show(0, span),
};
const KEYS = { "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", Home: "all" };
document.querySelectorAll("[data-zoom=wrong]").forEach((button) => { button.hidden = !wrong; });
document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", ACTIONS[button.dataset.zoom]));
chart.addEventListener("keydown", (event) => {
  if (!KEYS[event.key] || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  ACTIONS[KEYS[event.key]]();
});

function timeAt(clientX) {
  const box = chart.getBoundingClientRect(), names = box.width < NARROW ? 10 : 128;
  return from + (to - from) * Math.min(Math.max((clientX - box.left - names) / (box.width - names - 12), 0), 1);
}
chart.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoom(event.deltaY < 0 ? 0.8 : 1.25, timeAt(event.clientX));
}, { passive: false });
chart.addEventListener("dblclick", (event) => zoom(0.4, timeAt(event.clientX)));
const pointers = new Map();
chart.addEventListener("pointerdown", (event) => pointers.set(event.pointerId, event.clientX));
for (const name of ["pointerup", "pointercancel", "pointerleave"]) chart.addEventListener(name, (event) => pointers.delete(event.pointerId));
chart.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (before === undefined) return;
  const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
  pointers.set(event.pointerId, event.clientX);
  if (others.length) {
    const was = Math.abs(before - others[0]), now = Math.abs(event.clientX - others[0]);
    if (now > 10) zoom(was / now, timeAt((event.clientX + others[0]) / 2));
  } else {
    const by = timeAt(before) - timeAt(event.clientX);
    show(from + by, to + by);
  }
});
new ResizeObserver(() => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(draw); }).observe(chart);

// until a BIOS does anything that is seen it has its own things to do
const first = Math.min(...lanes.flatMap(([, events]) => events.map((event) => event[FROM])));
const asked = /^#(\d+\.?\d*)-(\d+\.?\d*)$/.exec(location.hash);
if (asked && Number(asked[2]) > Number(asked[1])) show(Number(asked[1]), Number(asked[2]));
else if (first > span / 4 && first < whole) show(first - (whole - first) / 20, span);
else draw();
