// ---- rows.js: a row per task, per processor that was used, and per counter; and which of all rows are shown. --------

const MOST_LANES = 8; // what runs side by side in one row lies one above the other, in so many lanes
let allRows = []; // of all runs; each says of which one: row.run
let rows = []; // those that are shown, from top to bottom
let rem = 16; // px: the size of the letters, of which all others are made

function rowsOfRun() {
  const [slices, jobs] = [run.slices, run.jobs];
  const tasks = facts.tasks.map((each, index) => ({ kind: "task", index, task: index, name: each.name, own: [], jobs: [], waits: [], holds: [], blocked: [] }));
  const processors = facts.used.map((index) => ({ kind: "processor", index, name: facts.processors[index], own: [], waits: [], spans: [] }));
  const placed = new Map(processors.map((row) => [row.index, row]));
  for (let i = 0; i < slices.job.length; i++) {
    tasks[jobs.task[slices.job[i]]].own.push(i);
    placed.get(slices.processor[i])?.own.push(i);
  }
  for (let job = 0; job < jobs.task.length; job++) tasks[jobs.task[job]].jobs.push(job);
  for (let i = 0; i < run.waits.job.length; i++) {
    tasks[jobs.task[run.waits.job[i]]].waits.push(i);
    placed.get(run.waits.processor[i])?.waits.push(i);
  }
  for (let i = 0; i < run.holds.job.length; i++) tasks[jobs.task[run.holds.job[i]]].holds.push(i);
  for (let i = 0; i < run.awaits.job.length; i++) tasks[jobs.task[run.awaits.job[i]]].blocked.push(i);
  for (let i = 0; i < run.spans.kind.length; i++) placed.get(run.spans.processor[i])?.spans.push(i);
  const untilSeen = Float64Array.from(jobs.task, (_, job) => Math.max(missTime(job), overTime(job)));
  for (const row of [...tasks, ...processors]) {
    row.own = new Intervals(row.own, slices.start, slices.end);
    row.waits = new Intervals(row.waits, run.waits.start, run.waits.end);
    row.lane = lanesOf(row.own);
    row.lanes = 1 + row.lane.reduce((most, lane) => Math.max(most, lane), 0);
    if (row.jobs) row.jobs = new Intervals(row.jobs, jobs.release, untilSeen);
    if (row.holds) row.holds = new Intervals(row.holds, run.holds.start, run.holds.end);
    if (row.blocked) row.blocked = new Intervals(row.blocked, run.awaits.start, run.awaits.end);
    if (row.spans) row.spans = new Intervals(row.spans, run.spans.start, run.spans.end);
  }
  markMoves();
  return [...tasks, ...processors, ...deviceRows(), ...counterRows()];
}

function makeRows() {
  allRows = rowsOfEach(rowsOfRun);
}

const rowsOfEach = (make) => ofEach((place) => make().map((row) => Object.assign(row, { run: place }))).flat();

/** For each interval the first lane that is free when it begins. */
function lanesOf(intervals) {
  const free = [];
  const lane = new Uint8Array(intervals.ids.length);
  for (let i = 0; i < lane.length; i++) {
    let place = free.findIndex((end) => end <= intervals.start[i]);
    if (place < 0) place = free.length < MOST_LANES ? free.push(0) - 1 : MOST_LANES - 1;
    free[place] = Math.max(free[place], intervals.end[i]);
    lane[i] = place;
  }
  return lane;
}

/** Which slices go on on another processor than the one before them of the same job and node. */
function markMoves() {
  const { job, node, processor, reason } = run.slices;
  const last = new Map();
  run.slices.moved = Uint8Array.from(job, (each, i) => {
    if (reason[i] === reasonOf.overhead || reason[i] === reasonOf.part) return 0;
    const key = each * 65536 + node[i];
    const before = last.get(key);
    last.set(key, processor[i]);
    return before !== undefined && before !== processor[i] ? 1 : 0;
  });
}

/** How many jobs are in the system from each instant on: as many as began by then, without those that ended. */
function jobsInTheSystem() {
  const begins = run.jobs.release.slice().sort();
  const ends = Float64Array.from(begins, (_, job) => overTime(job)).sort();
  const [time, value] = [[], []];
  let [begun, ended] = [0, 0];
  while (begun < begins.length || ended < ends.length) {
    const now = Math.min(begins[begun] ?? Infinity, ends[ended] ?? Infinity);
    while (begins[begun] <= now) begun++;
    while (ends[ended] <= now) ended++;
    time.push(now);
    value.push(begun - ended);
  }
  return { name: "jobs in the system", unit: "", time, value };
}

/** Steps over time: jobs in the system, and what the trace has of clocks, heat, links and charge. */
function counterRows() {
  const found = [jobsInTheSystem(), ...facts.counters.map((each) => ({ ...each, time: [], value: [] }))];
  for (let i = 0; i < run.points.time.length; i++) {
    const counter = found[1 + run.points.counter[i]];
    counter.time.push(run.points.time[i]);
    counter.value.push(run.points.value[i] / counter.scale);
  }
  return found.map((each, index) => {
    const most = each.value.reduce((high, value) => Math.max(high, value), 0);
    const range = `0 … ${trimmed(most, 2)}${each.most ? ` of ${trimmed(each.most, 1)}` : ""} ${each.unit}`;
    return { ...each, kind: "counter", index, time: Float64Array.from(each.time), most, range, draw: drawCounter };
  });
}

/** Kinds of rows that few ask for are made when somebody does. */
const makers = { node: nodeRows, chain: chainRows };

/** What a kind of rows shows by itself, and all together; of the counters only those that are no parts of others. */
const isUsual = (row) => !makers[row.kind] && (row.kind !== "counter" || (row.index > 0 && !row.more));

/** A row's words for the search: its name, and its policy. */
const wordsOf = (row) => (several ? `${row.name} ${runs[row.run].facts.label}` : row.name).toLowerCase();

/** Which rows are shown, how high each is and where it begins. */
function arrange() {
  rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  if (makers[view.kind] && !allRows.some((row) => row.kind === view.kind)) allRows.push(...rowsOfEach(makers[view.kind]));
  const words = placeOf(view.words)[1] >= 0 ? [] : view.words.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = (row) => (view.kind === "all" ? isUsual(row) : view.kind === row.kind) && words.every((word) => wordsOf(row).includes(word));
  const found = view.by === "priority" ? byPriority(allRows.filter(wanted)) : allRows.filter(wanted);
  rows = several ? ordered(found) : found;
  let top = axisHeight();
  for (const row of rows) {
    row.top = top;
    row.height = rem * heightOf(row);
    top += row.height;
  }
  const frame = byId("frame");
  const room = Math.min(top + 2, Math.round(innerHeight * (innerWidth <= 600 ? 0.62 : 0.78)));
  frame.style.height = `${room}px`;
  byId("timeline").style.height = `${room - 2}px`;
  byId("space").style.height = `${Math.max(0, top + 2 - room)}px`;
  redraw();
}

const axisHeight = () => 1.6 * rem;

/** How high a row is, in sizes of letters. */
function heightOf(row) {
  if (row.kind === "policy") return row.mark ? 2.6 : 1.6;
  if (row.kind === "task") return 2.5 + 0.6 * (row.lanes - 1);
  return row.lanes ? 1.7 + 0.6 * (row.lanes - 1) : row.high ?? 3;
}

/** The rows of tasks (and nodes) of each run, the most urgent task first; the others stay where they are. */
function byPriority(those) {
  const placed = (row) => row.task !== undefined && runs[row.run].facts.order;
  const at = (row) => runs[row.run].facts.order.indexOf(row.task);
  const sorted = those.filter(placed).sort((one, other) => one.run - other.run || at(one) - at(other));
  return those.map((row) => (placed(row) ? sorted.shift() : row));
}
