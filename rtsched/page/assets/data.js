// ---- data.js: what the page was given. `facts` are names and figures, `run` the columns, unpacked. ----------------
// A page has one run, or several of the same tasks under other policies. `now` is the one that is looked at, and `facts`,
// `run` and `misses` are its own: what draws or tells something of a run needs to know of no other one.

const byId = (id) => document.getElementById(id);
const given = JSON.parse(byId("facts").textContent);
/** Per run: its names and figures, its tables, its jobs that missed (by their deadlines), and the chosen job, or -1. */
const runs = (given.runs ?? [given]).map((facts, place) => ({ place, facts, tables: {}, misses: [], chosen: -1 }));
/** The tables of the run: run.jobs.release[3] is when job number 3 was released, in ns; -1 is never. */
let now, facts, run, misses;

/** From here on everything is about this run. */
function use(place) {
  now = runs[place];
  ({ facts, tables: run, misses } = now);
}

/** What `ask` says where everything is about this run. */
function inRun(place, ask) {
  const before = now.place;
  use(place);
  try { return ask(); } finally { use(before); }
}

/** What `ask` says of each run, in their order. */
const ofEach = (ask) => runs.map(({ place }) => inRun(place, () => ask(place)));
use(0);
/** Whether the page has several runs: policies.js and beside.js are for these. */
const several = runs.length > 1;

const [OK, LATE, DROPPED, ABORTED] = [0, 1, 2, 3];
const reasonOf = Object.fromEntries(facts.reasons.map((name, code) => [name, code]));

/** Columns lie one after the other, each as planes of bytes: rtsched/page/pack.py says how. */
async function unpack() {
  const bytes = await unzipped("columns");
  let at = 0;
  for (const { tables, facts } of runs) {
    for (const [table, name, rows, width, minus] of facts.index) {
      if (name === "letter") { // of a text, which few ask for: it is left as it is
        tables[table] = { letter: bytes.subarray(at, (at += rows)) };
        continue;
      }
      tables[table] ??= {};
      const planes = bytes.subarray(at, (at += width * rows));
      tables[table][name] = columnOf(planes, rows, minus === "previous" ? 1 : 0, tables[table][minus]);
    }
  }
}

/** A column out of its planes; a difference to the row before, if `chained`, or to `other`. */
function columnOf(planes, rows, chained, other) {
  const column = new Float64Array(rows); // exact up to 2^53 ns, which is 104 days
  let last = 0;
  for (let row = 0; row < rows; row++) {
    let plain = planes[row];
    for (let place = row + rows, unit = 256; place < planes.length; place += rows, unit *= 256) plain += planes[place] * unit;
    const half = Math.floor(plain / 2); // % of what is no small number takes ten times as long
    last = chained * last + (plain > 2 * half ? -half - 1 : half);
    column[row] = other ? other[row] + last : last;
  }
  return column;
}

const isMiss = (job) => run.jobs.outcome[job] >= LATE && run.jobs.outcome[job] <= ABORTED;
const taskOf = (job) => facts.tasks[run.jobs.task[job]];
const jobName = (job) => `${taskOf(job).name}[${run.jobs.index[job]}]`;
/** Where a miss is marked: at the deadline, or where the timeline ends. */
const missTime = (job) => Math.min(run.jobs.deadline[job], facts.end);
/** When a job was over: finished, dropped or aborted; the end of the run for one that was not. */
const overTime = (job) => (run.jobs.over[job] < 0 ? facts.end : run.jobs.over[job]);

/** The variant and the exit that a job answered by, as text; nothing for most. */
function way(job) {
  const task = taskOf(job);
  const found = [task.variants[run.jobs.variant[job]], task.exits[run.jobs.exit[job]]];
  return found.filter((name) => name !== undefined).join(", ");
}

const UNITS = [["s", 1e9, 9], ["ms", 1e6, 6], ["us", 1e3, 3], ["ns", 1, 0]];

/** A number without the zeros behind its point. */
const trimmed = (value, digits) => value.toFixed(digits).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");

/** Nanoseconds as text, exactly: "33.3 ms". */
function duration(ns) {
  if (!ns) return "0";
  const [unit, scale, digits] = UNITS.find((each) => Math.abs(ns) >= each[1]) ?? UNITS[3];
  return `${trimmed(ns / scale, digits)} ${unit}`;
}

/** An instant, or what is never, as text. */
const instant = (ns) => (ns < 0 ? "never" : duration(ns));

/** The first place in a column of ascending numbers whose number is above `value`. */
function above(column, value) {
  let low = 0;
  let high = column.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Intervals by their start, to find quickly those that a window shows. */
class Intervals {
  constructor(ids, starts, ends) {
    this.ids = Int32Array.from(ids);
    if (this.ids.some((id, i) => i && starts[id] < starts[this.ids[i - 1]])) // most are in order already
      this.ids.sort((one, other) => starts[one] - starts[other] || one - other);
    [this.start, this.end, this.reach] = [1, 2, 3].map(() => new Float64Array(this.ids.length));
    for (let i = 0, latest = -Infinity; i < this.ids.length; i++) {
      this.start[i] = starts[this.ids[i]];
      this.end[i] = ends[this.ids[i]];
      this.reach[i] = latest = Math.max(latest, this.end[i]); // the latest end so far: ascending, so it can be searched
    }
  }

  /** The places [first, last) outside of which nothing touches the window. */
  within(from, to) {
    return [above(this.reach, from - 1), above(this.start, to)];
  }
}
