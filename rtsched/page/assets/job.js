// ---- job.js: what is known of one job. ----------------------------------------------------------------------------

/** The slices of a job, in the order of time. */
function slicesOf(job) {
  const found = [];
  for (let i = 0; i < run.slices.job.length; i++) if (run.slices.job[i] === job) found.push(i);
  return found;
}

/** The facts of a job as pairs of name and text. */
function factsOf(job) {
  const jobs = run.jobs;
  const own = slicesOf(job);
  const done = jobs.finish[job] >= 0;
  const response = done ? duration(jobs.finish[job] - jobs.arrival[job]) : "–";
  const late = jobs.finish[job] - jobs.deadline[job];
  const id = taskOf(job).id;
  const found = [
    ...(id ? [["id", id]] : []),
    ["outcome", facts.outcomes[jobs.outcome[job]] ?? "open"],
    ["arrival", duration(jobs.arrival[job])],
    ["release", duration(jobs.release[job])],
    ["start", instant(jobs.start[job])],
    ["finish", done ? duration(jobs.finish[job]) : "never"],
    ["deadline", duration(jobs.deadline[job])],
    ["response", response],
  ];
  if (done) found.push([late > 0 ? "late by" : "before the deadline by", duration(Math.abs(late))]);
  if (!done && jobs.over[job] >= 0) found.push([facts.outcomes[jobs.outcome[job]], duration(jobs.over[job])]);
  found.push(["preemptions", `${jobs.preempted[job]}`]);
  const moves = own.filter((slice) => run.slices.moved[slice]).length;
  if (moves) found.push(["migrations", `${moves}`]);
  if (way(job)) found.push(["answered as", way(job)]);
  found.push(["ran on", placesOf(own)]);
  return found;
}

/** Where slices ran and for how long. */
function placesOf(own) {
  const time = new Map();
  for (const slice of own) {
    const place = run.slices.processor[slice];
    time.set(place, (time.get(place) ?? 0) + run.slices.end[slice] - run.slices.start[slice]);
  }
  return [...time].map(([place, ns]) => `${facts.processors[place]} ${duration(ns)}`).join(", ") || "nothing";
}

/** The chosen job below the timeline; what else is to be said of a job becomes another part of this list. */
const parts = [causesPart, timesPart, piecesPart];

function showJob(job) {
  const panel = byId("job");
  panel.hidden = job < 0;
  panel.replaceChildren();
  if (job < 0) return;
  panel.append(made("h2", jobName(job)), ...parts.map((part) => part(job)).filter(Boolean));
}

function timesPart(job) {
  const list = document.createElement("dl");
  for (const [name, text] of factsOf(job)) {
    const pair = document.createElement("div");
    pair.append(made("dt", name), made("dd", text));
    list.append(pair);
  }
  return list;
}

const MOST_PIECES = 200;

/** The slices of a job as a table, where it has more than one. */
function piecesPart(job) {
  const own = slicesOf(job);
  if (own.length < 2) return null;
  const { start, end, node, processor, reason } = run.slices;
  const rowsOf = own.slice(0, MOST_PIECES).map((slice) => [
    taskOf(job).nodes[node[slice]] ?? "", facts.processors[processor[slice]], duration(start[slice]), duration(end[slice]),
    duration(end[slice] - start[slice]), facts.reasons[reason[slice]],
  ]);
  const box = document.createElement("details");
  const table = document.createElement("table");
  fillTable(table, ["node", "processor", "from", "to", "for", "until it was"], rowsOf, [0, 1, 5]);
  const most = own.length > MOST_PIECES ? `, the first ${MOST_PIECES} of ${own.length}` : "";
  const wide = made("div", "");
  wide.className = "wide";
  wide.append(table);
  box.append(made("summary", `Its ${own.length} slices${most}`), wide);
  return box;
}

/** An element with a text, which is never read as anything else. */
function made(kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  element.dir = "ltr";
  return element;
}
