// ---- marks.js: what is drawn beside and over the bars: windows, waits, sections, releases, deadlines, misses. -------

/** Hollow: from the release of a job to its end, whatever it did meanwhile. */
function drawWindows(row, top) {
  const [first, last] = row.jobs.within(view.from, view.to);
  const [y] = laneOf(row, top, 0);
  const high = row.height - (y - top) - 0.25 * rem;
  const crowded = (last - first) * 4 > plotWidth();
  for (let i = first; i < last; i++) {
    const job = row.jobs.ids[i];
    if (crowded && job !== view.job) continue;
    const [left, right] = [xOf(run.jobs.release[job]), xOf(overTime(job))].map((x) => Math.max(-5, Math.min(x, canvasWidth + 5)));
    if (right < gutter || right - left < 3) continue;
    if (job === view.job) {
      pen.fillStyle = `${colours.pick}22`;
      pen.fillRect(left, y, right - left, high);
    }
    pen.strokeStyle = colours.soft;
    pen.lineWidth = 0.8;
    pen.strokeRect(left + 0.5, y + high * 0.3, right - left - 1, high * 0.4);
  }
}

/** Hollow, in the middle of a row. */
function drawHollow(row, top, intervals) {
  const [first, last] = intervals.within(view.from, view.to);
  if ((last - first) * 4 > plotWidth()) return;
  const [y] = laneOf(row, top, 0);
  const high = row.height - (y - top) - 0.25 * rem;
  pen.strokeStyle = colours.soft;
  pen.lineWidth = 0.8;
  for (let i = first; i < last; i++) {
    const [left, right] = edges(intervals.start[i], intervals.end[i]);
    if (right - left > 3) pen.strokeRect(left + 0.5, y + high * 0.3, right - left - 1, high * 0.4);
  }
}

/** Lines across: a job waits for a resource; in front its name, and who holds it. */
function drawBlocked(row, top, front) {
  const [first, last] = row.blocked.within(view.from, view.to);
  const [y] = laneOf(row, top, 0);
  const high = row.height - (y - top) - 0.25 * rem;
  for (let i = first; i < last; i++) {
    const [left, right] = edges(row.blocked.start[i], row.blocked.end[i]);
    if (right - left < 2) continue;
    if (!front) {
      pen.fillStyle = colours.locked;
      pen.fillRect(left, y + high * 0.15, right - left, high * 0.7);
      outline(left, right, y + high * 0.15, high * 0.7, colours.ink);
      continue;
    }
    const from = Math.max(left, gutter);
    if (right - from < rem) continue;
    pen.font = font(0.75);
    const [long, short] = blockedBy(row.blocked.ids[i]);
    const text = pen.measureText(long).width < right - from - 8 ? long : fit(short, right - from - 8);
    if (text.length < 2 && text !== short) continue;
    const wide = pen.measureText(text).width;
    pen.fillStyle = colours.paper;
    pen.fillRect((from + right - wide) / 2 - 2, y + high * 0.5 - 0.45 * rem, wide + 4, 0.9 * rem);
    pen.fillStyle = colours.ink;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(text, (from + right) / 2, y + high * 0.5 + 0.5);
  }
}

/** What a wait for a resource is, at length (with who held it as it began) and in short. */
function blockedBy(wait) {
  const [{ job, resource, start, end }, since] = [run.holds, run.awaits.start[wait]];
  const held = start.findIndex((from, i) => resource[i] === run.awaits.resource[wait] && from <= since && end[i] > since);
  const name = facts.resources[run.awaits.resource[wait]];
  return [`${run.awaits.ceiling[wait] ? "kept out by the ceiling of" : "waits for"} ${name}${held < 0 ? "" : `, held by ${jobName(job[held])}`}`, name];
}

/** Hollow and dashed: a slice on a stream of a GPU of which nothing runs. */
function drawWaits(row, top) {
  const [first, last] = row.waits.within(view.from, view.to);
  const [y] = laneOf(row, top, 0);
  const high = row.height - (y - top) - 0.25 * rem;
  pen.setLineDash([3, 2]);
  for (let i = first; i < last; i++) {
    const [left, right] = [xOf(row.waits.start[i]), xOf(row.waits.end[i])];
    if (right - left < 1.5) continue;
    pen.fillStyle = colours.paper;
    pen.fillRect(left, y, right - left, high);
    pen.strokeStyle = colours.soft;
    pen.strokeRect(left + 0.5, y + 0.5, right - left - 1, high - 1);
  }
  pen.setLineDash([]);
}

/** A hatched strip with the name of the resource: from when to when a job holds it. */
function drawHolds(row, top) {
  const [first, last] = row.holds.within(view.from, view.to);
  const high = 0.55 * rem;
  const y = top + row.height - 0.25 * rem - high;
  for (let i = first; i < last; i++) {
    const [left, right] = [xOf(row.holds.start[i]), xOf(row.holds.end[i])];
    if (right - left < 2) continue;
    pen.fillStyle = colours.section;
    pen.fillRect(left, y, right - left, high);
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1;
    pen.strokeRect(left + 0.5, y + 0.5, right - left - 1, high - 1);
    pen.font = font(0.62, "600");
    const name = fit(facts.resources[run.holds.resource[row.holds.ids[i]]], right - left - 6);
    if (name.length < 2 && name !== facts.resources[run.holds.resource[row.holds.ids[i]]]) continue;
    const wide = pen.measureText(name).width;
    pen.fillStyle = "#fff";
    pen.fillRect(left + 2, y + 1, wide + 3, high - 2);
    pen.fillStyle = "#000";
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText(name, left + 3, y + high / 2 + 0.5);
  }
}

/** Processors that are out of service, that decide, or that a policy lets launch nothing more. */
function drawSpans(row, top) {
  const [first, last] = row.spans.within(view.from, view.to);
  const [y, high] = [top + 0.15 * rem, row.height - 0.35 * rem];
  for (let i = first; i < last; i++) {
    const kind = run.spans.kind[row.spans.ids[i]];
    const [left, right] = [Math.max(-5, xOf(row.spans.start[i])), Math.min(canvasWidth + 5, xOf(row.spans.end[i]))];
    pen.fillStyle = kind === 0 ? colours.down : colours.decides;
    if (kind === 2) arrowHead(left, top + 0.1 * rem, 1, colours.soft);
    else pen.fillRect(left, y, Math.max(1, right - left), high);
  }
}

/** Releases up, deadlines down, ends as rings, misses as crosses. Where there is no room, misses only. */
function drawMarks(row, top) {
  const [first, last] = row.jobs.within(view.from, view.to);
  const [y] = laneOf(row, top, 0);
  const foot = top + row.height - 0.2 * rem;
  const crowded = (last - first) * 1.7 * rem > plotWidth();
  for (let i = first; i < last; i++) {
    const job = row.jobs.ids[i];
    if (crowded && job !== view.job) continue;
    arrow(xOf(run.jobs.release[job]), foot, top + 2, colours.ink);
    if (run.jobs.deadline[job] <= facts.end) arrow(xOf(run.jobs.deadline[job]), top + 2, foot, colours.soft);
    if (run.jobs.finish[job] >= 0) ring(xOf(run.jobs.finish[job]), foot);
  }
  let drawn = -1;
  for (let i = first; i < last; i++) {
    const job = row.jobs.ids[i];
    if (!isMiss(job)) continue;
    const x = xOf(missTime(job));
    if (Math.round(x) === drawn) continue;
    drawn = Math.round(x);
    if (crowded) {
      pen.fillStyle = colours.miss;
      pen.fillRect(drawn, top + 1, 1.5, y - top - 1);
    } else cross(x, top + 0.42 * rem, run.jobs.outcome[job] === LATE ? 3 : 1.6);
  }
  for (const [time, text] of facts.deadlocks) {
    pen.fillStyle = colours.miss;
    for (let at = top; text && at < top + row.height; at += 6) pen.fillRect(xOf(time), at, 2, 3);
  }
}

function arrow(x, from, to, colour) {
  if (x < gutter - 6 || x > canvasWidth + 6) return;
  pen.fillStyle = colour;
  pen.fillRect(x - 0.6, Math.min(from, to), 1.2, Math.abs(from - to));
  arrowHead(x, to, to > from ? 1 : -1, colour);
}

/** A small triangle whose tip is at (x, y): 1 looks down, -1 up. */
function arrowHead(x, y, way, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x - 0.24 * rem, y - way * 0.45 * rem);
  pen.lineTo(x + 0.24 * rem, y - way * 0.45 * rem);
  pen.fill();
}

function cross(x, y, wide) {
  const size = 0.28 * rem;
  for (const [colour, width] of [[colours.paper, wide + 2.5], [colours.miss, wide]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.moveTo(x - size, y - size);
    pen.lineTo(x + size, y + size);
    pen.moveTo(x - size, y + size);
    pen.lineTo(x + size, y - size);
    pen.stroke();
  }
}

function ring(x, y) {
  pen.beginPath();
  pen.arc(x, y - 0.12 * rem, 0.2 * rem, 0, 7);
  pen.fillStyle = colours.paper;
  pen.fill();
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 1.3;
  pen.stroke();
}

function diamond(x, y) {
  const size = 0.28 * rem;
  pen.beginPath();
  pen.moveTo(x, y - size);
  pen.lineTo(x + size, y);
  pen.lineTo(x, y + size);
  pen.lineTo(x - size, y);
  pen.closePath();
  pen.fillStyle = colours.paper;
  pen.fill();
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 1.3;
  pen.stroke();
}

/** A counter as steps; where many fall into a column of pixels, their mean, over the range of their values. */
function drawCounter(row, top, width) {
  const high = row.height - 0.5 * rem;
  const yOf = (value) => top + 0.25 * rem + high * (1 - value / (row.most || 1));
  const path = new Path2D();
  let at = Math.max(0, above(row.time, view.from) - 1);
  path.moveTo(xOf(row.time[at] ?? 0), yOf(row.value[at] ?? 0));
  pen.fillStyle = colours.line;
  while (at < row.time.length && row.time[at] <= view.to) {
    const x = xOf(row.time[at]);
    const [first, until] = [at, timeAt(x + 1)];
    let [least, most, sum, from] = [row.value[at], row.value[at], 0, row.time[at]];
    for (; row.time[at + 1] < until; at++) {
      sum += row.value[at] * (row.time[at + 1] - from);
      from = row.time[at + 1];
      least = Math.min(least, row.value[at + 1]);
      most = Math.max(most, row.value[at + 1]);
    }
    const mean = at === first ? row.value[at] : (sum + row.value[at] * (until - from)) / (until - timeAt(x));
    if (most > least) pen.fillRect(Math.floor(x), yOf(most), 1, yOf(least) - yOf(most));
    path.lineTo(x, yOf(mean));
    at += 1;
    path.lineTo(Math.min(width, xOf(Math.min(row.time[at] ?? facts.end, facts.end))), yOf(mean));
  }
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 1.4;
  pen.stroke(path);
}

/** The hair line of the pointer, the instant that was stepped to, and what was measured. */
function drawCursors(width, height) {
  const line = (time, colour, wide, text, level) => {
    const x = xOf(time);
    if (x < gutter || x > width) return;
    pen.fillStyle = colour;
    pen.fillRect(x - wide / 2, axisHeight(), wide, height);
    pen.font = font(0.8, "600");
    const room = pen.measureText(text).width + 8;
    const left = Math.max(gutter, Math.min(x - room / 2, width - room));
    pen.fillRect(left, level, room, axisHeight() - 3);
    pen.fillStyle = colours.paper;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText(text, left + 4, level + axisHeight() / 2 - 1);
  };
  if (view.pointer && view.pointer.x > gutter) line(timeAt(view.pointer.x), colours.soft, 1, instantNear(timeAt(view.pointer.x)), 0);
  if (view.cursor !== null) line(view.cursor, colours.pick, 2, duration(view.cursor), 0);
  if (view.measured.length === 2) {
    const [from, to] = view.measured.map(xOf);
    pen.fillStyle = `${colours.pick}22`;
    pen.fillRect(Math.max(gutter, from), axisHeight(), Math.max(0, to - Math.max(gutter, from)), height);
  }
  if (view.piece) {
    pen.strokeStyle = colours.pick;
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 4]);
    for (const x of [xOf(view.piece.start), xOf(view.piece.end)]) if (x >= gutter) pen.strokeRect(x, axisHeight(), 0, height);
    pen.setLineDash([]);
  }
  for (const time of view.measured) line(time, colours.pick, 2, duration(time), 0);
}

/** An instant as exactly as a pixel says it. */
function instantNear(time) {
  const [unit, scale, most] = UNITS.find((each) => Math.abs(time) >= each[1]) ?? UNITS[3];
  const digits = Math.max(0, Math.min(most, Math.ceil(-Math.log10(1 / perNs() / scale))));
  return `${(time / scale).toFixed(digits)} ${unit}`;
}
