// ---- kinds.js: rows of the nodes of graphs, of chains, and of what runs together on a GPU. --------------------------

/** A row per node of each task that has several: its slices, and hollow from when it could begin until it was done. */
function nodeRows() {
  const { job, node, end, reason, start } = run.slices;
  const key = (which, of) => which * 65536 + of;
  const done = new Map();
  for (let i = 0; i < job.length; i++)
    if (reason[i] === reasonOf.completed || reason[i] === reasonOf.part) done.set(key(job[i], node[i]), Math.max(end[i], done.get(key(job[i], node[i])) ?? 0));
  const ready = (which, of) => {
    const before = taskOf(which).before[of] ?? [];
    return before.reduce((latest, each) => Math.max(latest, done.get(key(which, each)) ?? ready(which, each)), run.jobs.release[which]);
  };
  const found = facts.tasks.map((task, index) => task.nodes.map((name, place) => ({
    kind: "node", index: place, task: index, name: `${task.name} · ${name}`, own: [], waits: [], open: [], draw: drawNode,
  })));
  const rowOf = (which, of) => found[run.jobs.task[which]][of];
  const seen = new Set();
  const open = { start: [], end: [] };
  for (let i = 0; i < job.length; i++) {
    const row = rowOf(job[i], node[i]);
    row?.own.push(i);
    if (!row || seen.has(key(job[i], node[i]))) continue;
    seen.add(key(job[i], node[i]));
    row.open.push(open.start.push(Math.min(start[i], ready(job[i], node[i]))) - 1);
    open.end.push(done.get(key(job[i], node[i])) ?? overTime(job[i]));
  }
  for (let i = 0; i < run.waits.job.length; i++) rowOf(run.waits.job[i], run.waits.node[i])?.waits.push(i);
  return found.flat().map((row) => {
    row.own = new Intervals(row.own, start, end);
    row.waits = new Intervals(row.waits, run.waits.start, run.waits.end);
    row.open = new Intervals(row.open, open.start, open.end);
    row.lane = lanesOf(row.own);
    row.lanes = 1 + row.lane.reduce((most, lane) => Math.max(most, lane), 0);
    return row;
  });
}

function drawNode(row, top, width) {
  drawHollow(row, top, row.open);
  drawSlices(row, top, width);
}

/** A row per chain: from the release of its first task to the end of its last, once for each job of the first. */
function chainRows() {
  const { chain, instance, job, reaction } = run.ways ?? { chain: [] };
  const found = facts.chains.map(({ name, most }, index) => ({
    kind: "chain", index, name, most, draw: drawChain, box: (i, top) => chainBox(row(index), i, top),
    table: { job: [], jobs: [], start: [], end: [], late: [] }, say: (i) => chainText(row(index).table, i),
  }));
  const row = (index) => found[index];
  for (let i = 0; i < chain.length; i++) {
    const { table } = found[chain[i]];
    const at = instance[i];
    (table.jobs[at] ??= []).push(job[i]);
    table.start[at] ??= run.jobs.release[job[i]];
    [table.job[at], table.end[at]] = [job[i], run.jobs.finish[job[i]]];
    table.late[at] = found[chain[i]].most !== null && reaction[i] > found[chain[i]].most;
  }
  for (const each of found) {
    each.own = new Intervals(each.table.job.keys(), each.table.start, each.table.end);
    each.lane = lanesOf(each.own);
    each.high = 0.5 + 1.3 * (1 + each.lane.reduce((most, lane) => Math.max(most, lane), 0));
  }
  return found;
}

const chainBox = (row, i, top) => [top + (0.25 + 1.3 * row.lane[i]) * rem, 1.05 * rem];
const chainText = ({ jobs, start, end, late }, i) => `${jobs[i].map(jobName).join(" → ")}: ${duration(end[i] - start[i])}${late[i] ? ", too late" : ""}`;

function drawChain(row, top) {
  const [first, last] = row.own.within(view.from, view.to);
  for (let i = first; i < last; i++) {
    const [y, high] = row.box(i, top);
    const { jobs, late } = row.table;
    const [left, right] = edges(row.own.start[i], row.own.end[i]);
    pen.fillStyle = late[row.own.ids[i]] ? colours.late : colours.paper;
    pen.fillRect(left, y, right - left, high);
    outline(left, right, y, high, late[row.own.ids[i]] ? colours.miss : colours.soft);
    for (const job of jobs[row.own.ids[i]]) {
      const [from, to] = edges(run.jobs.start[job], run.jobs.finish[job]);
      pen.fillStyle = colours.task[run.jobs.task[job]];
      pen.fillRect(from, y + 0.15 * high, Math.max(1, to - from), 0.7 * high);
      outline(from, to, y + 0.15 * high, 0.7 * high, job === view.job ? colours.pick : "#00000090");
      label([jobName(job), `${run.jobs.index[job]}`], from, to, y + high / 2, run.jobs.task[job]);
    }
  }
}

/** For each GPU what its multiprocessors hold over time, a rectangle per wave of blocks; and its copies. */
function deviceRows() {
  const waves = run.waves;
  if (!waves) return [];
  const each = facts.devices.flatMap(({ name, threads, copies }, device) => [
    { name: `${name}: blocks on its SMs`, device, most: threads, range: `0 … ${threads} threads`, high: 6, size: (wave) => waves.threads[wave] },
    { name: `${name}: copies`, device, most: copies, high: 1.2 + 0.6 * copies, size: (wave) => (waves.blocks[wave] ? 0 : 1) },
  ]);
  return each.map((row, index) => {
    row.table = piled(row);
    const { start, end, foot, tall, what, job } = row.table;
    row.own = new Intervals(job.keys(), start, end);
    row.most = foot.reduce((high, from, i) => Math.max(high, from + tall[i]), row.most); // contexts that take turns are all there
    row.box = (i, top) => {
      const [id, high] = [row.own.ids[i], row.height - 0.5 * rem];
      return [top + 0.25 * rem + high * (1 - (foot[id] + tall[id]) / row.most), Math.max(1, (high * tall[id]) / row.most)];
    };
    row.say = (id) => `${jobName(job[id])}: ${waves.blocks[what[id]] ? `${waves.blocks[what[id]]} blocks of its kernel` : "copy"} ${waves.kernel[what[id]]}`;
    return Object.assign(row, { kind: "sm", index, draw: drawDevice });
  }).filter((row) => row.own.ids.length);
}

/** Rectangles that do not overlap: each wave has the lowest gap that holds it, or else all gaps from below. */
function piled({ device, most, size }) {
  const { start, end, job } = run.waves;
  const found = { start: [], end: [], job: [], foot: [], tall: [], what: [] };
  let active = []; // [foot, top, end], from below
  for (let wave = 0; wave < start.length; wave++) {
    let left = run.waves.device[wave] === device ? size(wave) : 0;
    if (!left) continue;
    active = active.filter(([, , until]) => until > start[wave]);
    const gaps = [];
    let floor = 0;
    for (const [foot, top] of [...active, [most, most]]) {
      if (foot > floor) gaps.push([floor, foot]);
      floor = Math.max(floor, top);
    }
    const whole = gaps.find(([from, to]) => to - from >= left);
    for (const [from, to] of whole ? [whole] : [...gaps, [floor, Infinity]]) {
      const tall = Math.min(left, to - from);
      if (!tall) break;
      left -= tall;
      active.push([from, from + tall, end[wave]]);
      for (const [key, value] of Object.entries({ start: start[wave], end: end[wave], job: job[wave], foot: from, tall, what: wave })) found[key].push(value);
    }
    active.sort((one, other) => one[0] - other[0]);
  }
  return found;
}

function drawDevice(row, top, width) {
  const [first, last] = row.own.within(view.from, view.to);
  const [scale, high] = [perNs(), row.height - 0.5 * rem];
  covered.fill(0);
  let thin = false;
  for (let i = first; i < last; i++) {
    const id = row.own.ids[i];
    const [job, size] = [row.table.job[id], (row.own.end[i] - row.own.start[i]) * scale];
    const late = row.own.start[i] >= run.jobs.deadline[job];
    if (size < 1.5 && last - first > 400) {
      const column = Math.max(0, Math.min(width, Math.floor(xOf(row.own.start[i]))));
      covered[(late ? OVERDUE : run.jobs.task[job] % LOOKS) * (width + 1) + column] += (size * row.table.tall[id]) / row.most;
      thin = true;
      continue;
    }
    const [left, right] = edges(row.own.start[i], row.own.end[i]);
    const [y, tall] = row.box(i, top);
    pen.fillStyle = late ? colours.late : colours.task[run.jobs.task[job]];
    pen.fillRect(left, y, Math.max(1, right - left), tall);
    if (tall > 3) outline(left, right, y, tall, job === view.job ? colours.pick : "#00000090");
    if (tall > 0.8 * rem) label([`${jobName(job)} k${run.waves.kernel[row.table.what[id]]}`, `k${run.waves.kernel[row.table.what[id]]}`], left, right, y + tall / 2, run.jobs.task[job], late);
  }
  if (thin) drawColumns([top + 0.25 * rem, high], width);
}

// ---- what they are drawn with ---------------------------------------------------------------------------------------

const edges = (from, to) => [xOf(from), xOf(to)].map((x) => Math.max(-5, Math.min(x, canvasWidth + 5)));

function outline(left, right, y, high, colour) {
  if (right - left < 3) return;
  pen.strokeStyle = colour;
  pen.lineWidth = colour === colours.pick ? 2.5 : 1;
  pen.strokeRect(left + 0.5, y + 0.5, right - left - 1, high - 1);
}

/** The first of these texts that has room, in the middle of what is seen of a bar. */
function label(texts, left, right, y, task, late = false) {
  left = Math.max(left, gutter);
  pen.font = font(0.75);
  const text = texts.find((each) => pen.measureText(each).width < right - left - 6);
  if (text === undefined) return;
  const wide = pen.measureText(text).width;
  const middle = (left + right) / 2;
  const boxed = colours.boxed || late;
  if (boxed) {
    pen.fillStyle = colours.paper;
    pen.fillRect(middle - wide / 2 - 2, y - 0.45 * rem, wide + 4, 0.9 * rem);
  }
  pen.fillStyle = boxed ? colours.ink : colours.letters[task];
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, middle, y + 0.5);
}
