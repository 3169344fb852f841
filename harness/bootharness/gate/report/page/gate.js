"use strict";
// Draws one boot when it is chosen. Everything that a guest has said goes in as text.
const { cells, causes, facts: told } = JSON.parse(document.getElementById("data").textContent);
const dialog = document.getElementById("boot");
const content = document.getElementById("boot-content");
const SVG = "http://www.w3.org/2000/svg";

function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}
function shape(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
const hex = (value) => "0x" + value.toString(16).padStart(6, "0");
let wide = 800; // of a plot, in its own units: on a phone fewer, so that its words stay readable
const many = (value) => value.toLocaleString("en");

async function unpacked(packed) {
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function plot(title, height, ...children) {
  const made = shape("svg", { viewBox: `0 0 ${wide} ${height}`, class: "plot", role: "img" });
  made.append(shape("title", {}, title), ...children);
  return made;
}
function label(x, y, text, anchor = "start", size = 13) {
  return shape("text", { x, y, "text-anchor": anchor, "font-size": size }, text);
}

function timeline(before, after) {
  const last = Math.max(...Object.values(after), ...Object.values(before ?? {}), 0.001);
  const names = Object.keys(after);
  const rows = [], left = 118, width = wide - left - 112;
  names.forEach((name, row) => {
    const y = 24 + row * 30;
    rows.push(label(left - 8, y + 12, name, "end"));
    if (before && name in before)
      rows.push(shape("rect", { x: left, y: y + 12, height: 7, width: (before[name] / last) * width, class: "bar before" },
        shape("title", {}, `baseline: ${name} after ${before[name].toFixed(2)} s`)));
    rows.push(shape("rect", { x: left, y, height: 11, width: (after[name] / last) * width, class: "bar" },
      shape("title", {}, `${name} after ${after[name].toFixed(2)} s`)));
    const old = before && name in before ? ` (${before[name].toFixed(2)})` : "";
    const longest = Math.max(after[name], before?.[name] ?? 0);
    rows.push(label(left + (longest / last) * width + 6, y + 13, `${after[name].toFixed(2)} s${old}`, "start", 12));
  });
  const title = "Seconds from launch to each milestone" + (before ? ", the baseline's in grey and in brackets" : "");
  const note = before ? [el("p", { class: "dim" }, "Single boots also differ by what else the host was doing: only what is called slower above was measured in turns.")] : [];
  return [el("h3", {}, title), ...note, plot(title, 34 + names.length * 30, ...rows)];
}

function memoryMap(ranges) {
  if (!ranges.length) return [];
  const top = Math.max(...ranges.map((range) => range.end));
  const strips = [["below 1 MiB", 0, 0x100000], ["above", 0x100000, Math.max(top, 0x1100000)]];
  const colour = (index) => `var(${["--one", "--two", "--three", "--four", "--five", "--six"][index % 6]})`;
  const shapes = [];
  const left = 94, width = wide - left - 12;
  strips.forEach(([name, from, to], row) => {
    const y = 20 + row * 74;
    const place = (at) => left + ((Math.min(Math.max(at, from), to) - from) / (to - from)) * width;
    shapes.push(label(left - 8, y + 22, name, "end"));
    shapes.push(shape("rect", { x: left, y, width, height: 34, fill: "none", class: "axis" }));
    ranges.forEach((range, index) => {
      if (range.end <= from || range.start >= to) return;
      const x = place(range.start), size = Math.max(place(range.end) - x, 2.5);
      const room = range.name.startsWith("room");
      shapes.push(shape("rect", {
        x, width: size, y: room ? y + 12 : range.stray ? y - 6 : y, height: room ? 10 : range.stray ? 46 : 34,
        class: range.stray ? "stray" : "", "fill-opacity": room ? 0.35 : 0.85,
        ...(range.stray ? {} : { fill: colour(index) }),
      }, shape("title", {}, `${range.name}: ${hex(range.start)} to ${hex(range.end - 1)}, ${many(range.end - range.start)} bytes`)));
    });
    shapes.push(label(left, y + 50, hex(from), "start", 11), label(left + width, y + 50, hex(to), "end", 11));
    if (row === 1 && to > 0x1000000) {
      const x = place(0x1000000);
      shapes.push(shape("line", { x1: x, x2: x, y1: y - 8, y2: y + 42, class: "limit" }), label(x < wide - 60 ? x + 3 : x - 3, y - 4, "16 MiB", x < wide - 60 ? "start" : "end", 11));
    }
  });
  const rows = ranges.map((range) => el("tr", {}, el("td", {}, range.name), el("td", { class: "number" }, hex(range.start)),
    el("td", { class: "number" }, hex(range.end - 1)), el("td", { class: "number" }, many(range.end - range.start))));
  const head = el("tr", {}, ...["what", "from", "to", "bytes"].map((name) => el("th", { scope: "col" }, name)));
  return [el("h3", {}, "What was placed where"), plot("Map of the guest's memory", 156, ...shapes), legend(ranges, colour),
    el("details", {}, el("summary", {}, "The same as a table"),
      el("div", { class: "scroll" }, el("table", { class: "plain" }, el("thead", {}, head), el("tbody", {}, ...rows))))];
}

function legend(ranges, colour) {
  return el("p", { class: "legend", "aria-hidden": "true" }, ...ranges.slice(0, 24).map((range, index) =>
    el("span", {}, el("i", { style: `background: ${range.stray ? "var(--bad)" : colour(index)}` }), range.name)));
}

function moves(list) {
  if (!list.length) return [];
  const highest = Math.max(...list.map(([at, , wanted]) => Math.max(at, wanted)), 0x1000000);
  const top = highest * 1.04;
  const left = 60, width = wide - left - 14, height = 240, bottom = 250;
  const x = (index) => left + (index / Math.max(list.length - 1, 1)) * width;
  // an initrd may be far above the kernel: what lies between them is drawn shorter than it is
  const knee = 0x1800000, broken = top > 2 * knee;
  const part = (at) => !broken ? at / top : at <= knee ? 0.8 * at / knee : 0.8 + 0.2 * (at - knee) / (top - knee);
  const y = (at) => bottom - part(at) * height;
  const shapes = [shape("line", { x1: left, x2: left + width, y1: bottom, y2: bottom, class: "axis" })];
  const marks = [[0x100000, "1 MiB"], [0x1000000, "16 MiB"], ...(broken ? [[highest, `${many(Math.round(highest / 0x100000))} MiB`]] : [])];
  for (const [at, text] of marks)
    shapes.push(shape("line", { x1: left, x2: left + width, y1: y(at), y2: y(at), class: at === 0x1000000 ? "limit" : "axis" }),
      label(left - 8, y(at) + 4, text, "end", 12));
  list.forEach(([at, size, wanted], index) => {
    const wrapped = at !== wanted;
    const told = `block move ${index}: ${many(size)} bytes to ${hex(at)}` + (wrapped ? ` instead of ${hex(wanted)}` : "");
    if (wrapped) shapes.push(shape("line", { x1: x(index), x2: x(index), y1: y(wanted), y2: y(at), class: "limit" }));
    shapes.push(shape("circle", { cx: x(index), cy: y(at), r: wrapped ? 5 : 2.2, class: wrapped ? "stray" : "bar" }, shape("title", {}, told)));
  });
  const first = list.findIndex(([at, , wanted]) => at !== wanted);
  const said = first < 0 ? "No block move lost its carry."
    : `Block move ${first} wrapped: it went to ${hex(list[first][0])} instead of ${hex(list[first][2])}.`;
  if (first >= 0) shapes.push(label(x(first) - 10, y(list[first][0]) - 10, `move ${first} wrapped`, x(first) > 200 ? "end" : "start", 13));
  if (broken) shapes.push(label(left + 6, y(knee) - 4, "not to scale from here on", "start", 11));
  shapes.push(label(left, bottom + 20, "move 0", "start", 12), label(left + width, bottom + 20, `move ${list.length - 1}`, "end", 12));
  return [el("h3", {}, "Destination over move number"), el("p", {}, said), plot(`Destination of each of ${list.length} block moves. ${said}`, 280, ...shapes)];
}

function fold(title, lines, open = false) {
  if (!lines.length) return [];
  const made = el("details", open ? { open: "" } : {}, el("summary", {}, title), el("pre", { tabindex: "0", role: "region", "aria-label": title }, lines.join("\n")));
  return [made];
}

function facts(known) {
  return el("dl", { class: "facts" }, ...known.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function command(text, id = "again") {
  // an option is not broken at its hyphens, so that nobody reads half of one
  const words = text.split(" ").flatMap((word) => [" ", word.startsWith("--") ? el("span", { class: "option" }, word) : word]).slice(1);
  return el("div", { class: "command" }, el("code", { id }, ...words),
    el("button", { type: "button", class: "copy", "data-copies": id, "aria-label": "Copy the command" }, "Copy"),
    el("span", { class: "copied", role: "status" }));
}

function closer(commands) {
  if (!commands.length) return [];
  return [el("details", {}, el("summary", {}, "All that happened in it, on one axis"),
    el("p", {}, "Boot it once more and keep it; then draw it as a page of its own. Where it was recorded, the page has the commands that stop in gdb before each call, from where one can go back."),
    ...commands.map((text, number) => command(text, `closer-${number}`)))];
}

function badge(of) {
  return el("span", { class: `badge ${of.standing}` }, of.word);
}

function attempts(list) {
  if (list.length < 2) return [];
  return [el("h3", {}, "Attempts at the same boot"), el("ol", { class: "attempts" }, ...list.map((each) =>
    el("li", {}, badge(each), ` ${each.said}`, each.seconds ? el("span", { class: "dim" }, ` (all of it took ${each.seconds.toFixed(1)} s)`) : "")))];
}

function evidence(lines, name) {
  const cause = causes[name];
  const meaning = cause ? [el("details", {}, el("summary", {}, `What ${name} means, and what to do`),
    el("p", {}, cause[0]), el("p", {}, `What to do: ${cause[2]}`))] : [];
  if (!lines.length) return meaning;
  const shown = cause ? `, as it was recorded: ${cause[1]}` : ", as it was recorded";
  const coded = lines.some((line) => line.includes("descriptor")) ?
    " A descriptor is written as its eight bytes; base is the address that they hold." : "";
  return [el("h3", {}, "Evidence"), el("p", { class: "dim" }, `What the diagnosis rests on${shown}.${coded}`),
    el("pre", { tabindex: "0", role: "region", "aria-label": "Evidence" }, lines.join("\n")), ...meaning];
}

async function show(number) {
  const cell = cells[number];
  wide = Math.max(320, Math.min(800, window.innerWidth - 36));
  const none = { ranges: [], moves: [], evidence: [], consequences: [], calls: [], packets: [], serial: "", screen: "" };
  const drawn = { ...none, ...await unpacked(cell.picture) };
  const times = Object.keys(cell.milestones).length ? timeline(cell.before, cell.milestones) : [];
  content.replaceChildren(...[
    el("h2", { id: "boot-title" }, badge(cell), ` ${cell.kernel}`),
    cell.way ? el("p", { class: "dim" }, cell.way) : null,
    ...cell.sentences.map((sentence) => el("p", {}, sentence)),
    ...drawn.consequences.map((sentence) => el("p", { class: "dim" }, `then ${sentence}`)),
    command(cell.again),
    ...closer(cell.closer),
    facts(cell.facts.map((place) => told[place])),
    cell.picture === null ? el("p", { class: "dim" }, "What it looked like is not in this page, which has too many boots for that: the command above shows it.") : null,
    ...fold("Screen", drawn.screen.trim() ? [drawn.screen] : [], true),
    ...fold("Serial log", drawn.serial.trim() ? [drawn.serial] : [], true),
    ...evidence(drawn.evidence, cell.cause),
    ...attempts(cell.attempts),
    cell.changes.length ? el("p", { class: "dim" }, `Since the baseline: ${cell.changes.join("; ")}.`) : null,
    ...times,
    ...memoryMap(drawn.ranges),
    ...moves(drawn.moves),
    ...fold(`BIOS calls (${many(drawn.calls.length)} lines)`, drawn.calls),
    ...fold(`Packets and files (${many(drawn.packets.length)} lines)`, drawn.packets),
  ].filter((child) => child !== null));
  if (!dialog.open) dialog.showModal();
  // how it ended is at the end of what was said
  content.querySelectorAll("details[open] > pre").forEach((said) => { said.scrollTop = said.scrollHeight; });
  dialog.scrollTop = 0;
}

function filtering(form) {
  const table = document.querySelector(".matrix"), body = table.tBodies[0], rows = [...body.rows];
  const [words, standing, order, count] = ["words", "standing", "order", "count"].map((name) => document.getElementById(`filter-${name}`));
  // what is searched is what a screen reader says of each boot
  const said = rows.map((row) => [...row.cells].map((place) => {
    const cell = place.querySelector("[data-cell]");
    return cell && [cell.getAttribute("aria-label").toLowerCase(), cell.className];
  }));
  const byName = new Intl.Collator("en", { numeric: true });
  const orders = {
    order: (a, b) => a.dataset.order - b.dataset.order, worst: (a, b) => b.dataset.worst - a.dataset.worst || a.dataset.order - b.dataset.order,
    kernel: (a, b) => byName.compare(a.dataset.kernel, b.dataset.kernel), bytes: (a, b) => b.dataset.bytes - a.dataset.bytes,
  };
  function fits([label, kind]) {
    const wanted = standing.value;
    const stands = !wanted || (wanted === "failing" ? /\b(bad|still|unknown)\b/.test(kind) : kind.split(" ").includes(wanted));
    return stands && words.value.toLowerCase().split(/\s+/).every((word) => label.includes(word));
  }
  function apply() {
    let shown = 0, boots = 0;
    const columns = new Set([0]); // the kernels' names
    rows.forEach((row, at) => {
      const found = said[at].map((cell) => cell && fits(cell));
      found.forEach((fit, column) => {
        if (column) row.cells[column].classList.toggle("other", !fit);
        if (fit) columns.add(column);
      });
      const number = found.filter((fit) => fit).length;
      row.hidden = !number;
      shown += number > 0;
      boots += number;
    });
    for (const row of [...table.tHead.rows, ...rows]) [...row.cells].forEach((cell, column) => { cell.hidden = !columns.has(column); });
    table.hidden = !boots;
    count.textContent = `${many(shown)} of ${many(rows.length)} kernels, ${many(boots)} boots`;
  }
  function sort() {
    body.append(...[...rows].sort(orders[order.value]));
  }
  words.addEventListener("input", apply);
  standing.addEventListener("change", apply);
  order.addEventListener("change", sort);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
}
const form = document.getElementById("filter");
if (form) filtering(form);

function follow() {
  const found = /^#cell-(\d+)$/.exec(location.hash);
  if (found && cells[found[1]]) show(Number(found[1]));
}
document.querySelectorAll("[data-cell]").forEach((button) =>
  button.addEventListener("click", () => { history.replaceState(null, "", `#cell-${button.dataset.cell}`); show(Number(button.dataset.cell)); }));
dialog.addEventListener("close", () => {
  const found = /^#(cell-\d+)$/.exec(location.hash);
  history.replaceState(null, "", location.pathname + location.search);
  if (found) document.getElementById(found[1])?.focus(); // one that is filtered out takes none
});
window.addEventListener("hashchange", follow);
follow();
