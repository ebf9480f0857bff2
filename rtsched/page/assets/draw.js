// ---- draw.js: the timeline. What is narrower than a pixel is added up by columns of pixels; a miss never vanishes. --

const canvas = byId("timeline");
let pen = canvas.getContext("2d");
let colours = null;
let gutter = 100; // px at the left, for the names of the rows
let canvasWidth = 1000; // px; asking the page for it each time would take most of the time
const LOOKS = 16; // tasks beyond so many look as earlier ones do
const [COST, OVERDUE] = [LOOKS, LOOKS + 1];
let covered = new Float32Array(0); // of each look and column of pixels, how much of it ran

function forgetColours() {
  colours = null;
}

/** The colours of the style, and the hatches made of them. */
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  colours = Object.fromEntries(["paper", "ink", "soft", "line", "band", "miss", "pick", "parted"].map((name) => [name, read(name)]));
  const grey = document.documentElement.dataset.look === "grey";
  colours.late = hatch("x", colours.miss, colours.paper);
  colours.lost = hatch("|", colours.soft, colours.paper);
  colours.drained = hatch(".", colours.soft, colours.paper);
  colours.down = hatch("x", colours.soft, colours.band);
  colours.decides = hatch(".", colours.ink, colours.line);
  colours.locked = hatch("-", colours.soft, colours.paper);
  colours.section = hatch("/", "#000", "#ffffffb0");
  colours.task = facts.tasks.map((task, index) => (grey ? hatch(" /.\\x-o+"[index % 8], "#000", index % 16 < 8 ? "#fff" : "#ccc") : task.colour));
  colours.letters = facts.tasks.map((task) => (grey || brightness(task.colour) > 110 ? "#000" : "#fff"));
  colours.causes = [0, 1, 2, 3, 4, 5, 6].map((look) => (grey ? hatch(" /\\x-.|"[look], "#000", "#fff") : read(`c${look}`)));
  colours.boxed = grey;
}

function brightness(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.3 * red + 0.59 * green + 0.11 * blue;
}

/** A small tile that repeats: lines, dots or crosses on a ground. */
function hatch(kind, ink, ground) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const on = tile.getContext("2d");
  on.fillStyle = ground;
  on.fillRect(0, 0, 8, 8);
  on.strokeStyle = on.fillStyle = ink;
  on.lineWidth = 1.1;
  const line = (...points) => { on.beginPath(); on.moveTo(points[0], points[1]); on.lineTo(points[2], points[3]); on.stroke(); };
  if (kind === "/" || kind === "x") for (const shift of [-8, 0, 8]) line(shift - 1, 9, shift + 9, -1);
  if (kind === "\\" || kind === "x") for (const shift of [-8, 0, 8]) line(shift - 1, -1, shift + 9, 9);
  if (kind === "|" || kind === "+") line(4, 0, 4, 8);
  if (kind === "-" || kind === "+") line(0, 4, 8, 4);
  if (kind === ".") for (const [x, y] of [[1, 1], [5, 5]]) on.fillRect(x, y, 1.6, 1.6);
  if (kind === "o") { on.beginPath(); on.arc(4, 4, 2.2, 0, 7); on.stroke(); }
  return pen.createPattern(tile, "repeat");
}

/** A canvas as large as its place on the page, sharp on every screen. */
function fitted(which, on) {
  const scale = devicePixelRatio || 1;
  const [width, height] = [which.clientWidth, which.clientHeight];
  if (which.width !== Math.round(width * scale) || which.height !== Math.round(height * scale)) {
    which.width = Math.round(width * scale);
    which.height = Math.round(height * scale);
  }
  on.setTransform(scale, 0, 0, scale, 0, 0);
  on.direction = "ltr";
  return [width, height];
}

const plotWidth = () => Math.max(1, canvasWidth - gutter);
const perNs = () => plotWidth() / (view.to - view.from);
const xOf = (time) => gutter + (time - view.from) * perNs();
const timeAt = (x) => view.from + (x - gutter) / perNs();
const font = (size, weight = "") => `${weight} ${size * rem}px "Source Sans 3", "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif`;

const cuts = new Map();

/** As much of a text as has room. */
function fit(text, room) {
  const key = `${pen.font}|${Math.round(room)}|${text}`;
  if (!cuts.has(key)) {
    if (cuts.size > 5000) cuts.clear();
    let letters = [...text];
    if (pen.measureText(text).width > room) {
      let [low, high] = [0, letters.length];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (pen.measureText(`${letters.slice(0, middle).join("")}…`).width <= room) low = middle;
        else high = middle - 1;
      }
      letters = low ? [...letters.slice(0, low), "…"] : [];
    }
    cuts.set(key, letters.join(""));
  }
  return cuts.get(key);
}

function drawAll() {
  if (!colours) readColours();
  const widest = allRows.reduce((most, row) => Math.max(most, Math.min(40, row.name.length)), several ? 6 : 0);
  canvasWidth = canvas.clientWidth;
  gutter = Math.round(Math.min(canvasWidth * 0.24, 15 * rem, (1.6 + widest * 0.5) * rem));
  const [width, height] = fitted(canvas, pen);
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, width, height);
  if (covered.length !== (LOOKS + 2) * (width + 1)) covered = new Float32Array((LOOKS + 2) * (width + 1));
  const scrolled = byId("frame").scrollTop;
  const ticks = ticksOf(width);
  for (const row of rows) {
    const top = row.top - scrolled;
    if (top > height || top + row.height < 0) continue;
    inRun(row.run, () => drawRow(row, top, ticks, width));
  }
  drawAxis(ticks, width, height);
  if (several) drawParted(width, height);
  drawCursors(width, height);
  drawOverview();
}

/** Instants at 1, 2 or 5 times a power of ten that lie well apart, and how to write them. */
function ticksOf(width) {
  const wanted = (view.to - view.from) / Math.max(2, (width - gutter) / (6.5 * rem));
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = Math.max(1, [1, 2, 5, 10].find((each) => each * power >= wanted) * power);
  const [unit, scale] = UNITS.find((each) => Math.max(Math.abs(view.to), step) >= each[1]) ?? UNITS[3];
  const digits = Math.max(0, Math.ceil(-Math.log10(step / scale) - 1e-9));
  const found = [];
  for (let number = Math.ceil(Math.max(0, view.from) / step); number * step <= view.to; number++) found.push(number * step);
  return found.map((time) => ({ time, text: `${(time / scale).toFixed(digits)}`, unit }));
}

function drawAxis(ticks, width) {
  const height = axisHeight();
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, width, height);
  pen.font = font(0.8);
  pen.textBaseline = "middle";
  pen.textAlign = "center";
  pen.fillStyle = colours.soft;
  for (const { time, text } of ticks) {
    const x = xOf(time);
    if (x < gutter - 1) continue;
    pen.fillText(text, Math.max(gutter, Math.min(x, width - pen.measureText(text).width / 2 - 2)), height * 0.42);
    pen.fillRect(x, height - 4, 1, 4);
  }
  pen.textAlign = "left";
  if (ticks.length) pen.fillText(`time (${ticks[0].unit})`, 4, height * 0.42);
  pen.fillStyle = colours.ink;
  pen.fillRect(0, height - 1, width, 1);
}

function drawRow(row, top, ticks, width) {
  pen.save();
  pen.beginPath();
  pen.rect(0, top, width, row.height);
  pen.clip();
  if (row.kind === "policy") {
    drawPolicy(row, top, width);
    pen.restore();
    return;
  }
  if (row.kind === "processor") {
    pen.fillStyle = colours.band;
    pen.fillRect(0, top, width, row.height);
  }
  pen.fillStyle = colours.line;
  for (const { time } of ticks) pen.fillRect(Math.round(xOf(time)), top, 1, row.height);
  pen.fillRect(0, top + row.height - 1, width, 1);
  pen.save();
  pen.beginPath();
  pen.rect(gutter, top, width - gutter, row.height);
  pen.clip();
  if (row.draw) row.draw(row, top, width);
  else drawSlices(row, top, width);
  pen.restore();
  drawName(row, top);
  pen.restore();
}

function drawName(row, top) {
  pen.fillStyle = row.kind === "processor" ? colours.band : colours.paper;
  pen.fillRect(0, top, gutter, row.height - 1);
  if (row.kind === "task") {
    pen.fillStyle = colours.task[row.index];
    pen.fillRect(3, top + row.height * 0.3, 0.35 * rem, row.height * 0.55);
  }
  pen.fillStyle = colours.ink;
  pen.font = font(0.88, row.kind === "processor" ? "" : "600");
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  const middle = top + row.height * (row.kind === "task" ? 0.58 : 0.5);
  const room = gutter - (several ? 2.1 : 1.1) * rem;
  pen.fillText(fit(row.name, room), 0.7 * rem, middle - (row.range ? 0.45 * rem : 0));
  if (several) pen.fillText(facts.letter, gutter - 1.1 * rem, middle);
  if (row.range) {
    pen.font = font(0.75);
    pen.fillStyle = colours.soft;
    pen.fillText(fit(row.range, room), 0.7 * rem, middle + 0.6 * rem);
  }
  pen.fillStyle = colours.line;
  pen.fillRect(gutter - 1, top, 1, row.height);
}

/** Where the bars of a lane lie in a row. */
function laneOf(row, top, lane) {
  const head = row.kind === "task" ? 0.85 * rem : 0.2 * rem;
  const high = (row.height - head - 0.25 * rem) / row.lanes;
  return [top + head + lane * high, high - (row.lanes > 1 ? 1 : 0)];
}

function drawSlices(row, top, width) {
  if (row.spans) drawSpans(row, top);
  if (row.jobs) drawWindows(row, top);
  if (row.blocked) drawBlocked(row, top, false);
  drawCauses(row, top, false);
  if (row.blocked) drawBlocked(row, top, true);
  const { job, reason } = run.slices;
  const scale = perNs();
  const [first, last] = row.own.within(view.from, view.to);
  const wide = [];
  for (let lane = 0; lane < row.lanes; lane++) {
    covered.fill(0);
    let thin = false;
    for (let i = first; i < last; i++) {
      const start = row.own.start[i];
      const end = row.own.end[i];
      if (row.lane[i] !== lane || end < view.from) continue;
      const size = (end - start) * scale;
      if (size >= 2 || last - first < 40) {
        wide.push(i);
        continue;
      }
      const column = Math.max(0, Math.min(width, Math.floor(gutter + (start - view.from) * scale)));
      const slice = row.own.ids[i];
      const kind = reason[slice] === reasonOf.overhead ? COST : end > run.jobs.deadline[job[slice]] ? OVERDUE : run.jobs.task[job[slice]] % LOOKS;
      covered[kind * (width + 1) + column] += size || 1e-3;
      thin = true;
    }
    if (thin) drawColumns(laneOf(row, top, lane), width);
  }
  for (const i of wide) drawBar(row, i, laneOf(row, top, row.lane[i]));
  drawWaits(row, top);
  for (const i of wide) drawBarText(row, i, laneOf(row, top, row.lane[i]));
  if (row.holds) drawHolds(row, top);
  drawCauses(row, top, true);
  if (row.jobs) drawMarks(row, top);
}

/** Each column of pixels as a stack: the share of it in which each task ran, as height; what little ran is seen, too. */
function drawColumns([top, high], width) {
  const foot = new Float32Array(width + 1).fill(top + high);
  for (let kind = 0; kind < LOOKS + 2; kind++) {
    pen.fillStyle = kind === COST ? colours.soft : kind === OVERDUE ? colours.miss : colours.task[kind] ?? colours.soft;
    for (let x = 0; x <= width; x++) {
      const share = covered[kind * (width + 1) + x];
      if (!share) continue;
      const tall = Math.min(Math.max(1.5, high * share), foot[x] - top);
      foot[x] -= tall;
      pen.fillRect(x, foot[x], 1, tall);
    }
  }
}

/** A slice: full while it is in time, hatched after the deadline; costs are dark, lost work is hollow. */
function drawBar(row, i, [top, high]) {
  const slice = row.own.ids[i];
  const job = run.slices.job[slice];
  const task = run.jobs.task[job];
  const reason = run.slices.reason[slice];
  const [start, end] = [row.own.start[i], row.own.end[i]];
  const due = run.jobs.deadline[job];
  const box = (from, to, fill, edge) => {
    const left = Math.max(-5, xOf(from));
    const wide = Math.max(1, Math.min(canvasWidth + 5, xOf(to)) - left);
    pen.fillStyle = fill;
    pen.fillRect(left, top, wide, high);
    if (wide > 3) {
      pen.strokeStyle = edge;
      pen.lineWidth = 1;
      pen.strokeRect(left + 0.5, top + 0.5, wide - 1, high - 1);
    }
  };
  const dark = "#00000090";
  if (reason === reasonOf.overhead) box(start, end, colours.soft, colours.soft);
  else if (reason === reasonOf.drained) box(start, end, colours.drained, colours.soft);
  else if (reason === reasonOf.killed) box(start, end, colours.lost, colours.soft);
  else {
    if (start < due || end <= due) box(start, Math.min(end, due), colours.task[task], dark);
    if (end > due) box(Math.max(start, due), end, colours.late, colours.miss);
  }
  if (reason === reasonOf.preempted) {
    pen.fillStyle = colours.ink;
    pen.fillRect(xOf(end) - 2, top - 2, 2.5, high + 4);
  }
  if (run.slices.moved[slice] && row.kind === "task") diamond(xOf(start), top + high / 2);
  if (job === view.job) {
    pen.strokeStyle = colours.pick;
    pen.lineWidth = 2.5;
    const left = Math.max(-5, xOf(start));
    pen.strokeRect(left, top, Math.max(2, Math.min(canvasWidth + 5, xOf(end)) - left), high);
  }
}

/** The longest part of a bar that can be seen and in which something ran: on a GPU it may have waited. */
function openPart(row, i) {
  let [from, best] = [Math.max(row.own.start[i], view.from), [0, 0]];
  const until = Math.min(row.own.end[i], view.to);
  const [first, last] = row.waits.within(from, until);
  for (let at = first; at <= last; at++) {
    const to = at < last ? row.waits.start[at] : until;
    if (to - from > best[1] - best[0]) best = [from, to];
    if (at < last) from = Math.max(from, row.waits.end[at]);
  }
  return best;
}

/** What a bar says: in a task's row the number of the job, in a processor's row whose it is. */
function drawBarText(row, i, [top, high]) {
  const slice = row.own.ids[i];
  const [job, reason] = [run.slices.job[slice], run.slices.reason[slice]];
  if (high < 0.75 * rem || (row.own.end[i] - row.own.start[i]) * perNs() < 0.5 * rem) return;
  if ([reasonOf.overhead, reasonOf.drained, reasonOf.killed].includes(reason)) return;
  const [start, end] = openPart(row, i);
  const left = xOf(start);
  const room = xOf(end) - left - 6;
  if (room < 0.5 * rem) return;
  const boxed = colours.boxed || end > run.jobs.deadline[job];
  const task = run.jobs.task[job];
  const node = facts.tasks[task].nodes[run.slices.node[slice]];
  const own = row.task !== undefined; // its name says whose the bars are
  const name = own ? `${run.jobs.index[job]}` : facts.tasks[task].name;
  const inner = own ? way(job) : node;
  pen.font = font(0.78);
  let text = inner ? `${name} · ${inner}` : name;
  if (pen.measureText(text).width > room && own) text = name;
  text = own && pen.measureText(text).width > room ? "" : fit(text, room);
  if (text.length < 2 && text !== name) return;
  const wide = pen.measureText(text).width;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const middle = left + 3 + room / 2;
  const level = top + high / 2 - (row.holds?.ids.length ? 0.25 * rem : 0); // above the strip of what is held
  if (boxed) {
    pen.fillStyle = colours.paper;
    pen.fillRect(middle - wide / 2 - 2, level - 0.45 * rem, wide + 4, 0.9 * rem);
  }
  pen.fillStyle = boxed ? colours.ink : colours.letters[task];
  pen.fillText(text, middle, level + 0.5);
}
