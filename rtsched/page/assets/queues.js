// ---- queues.js: who runs at an instant, and who waits, in the order of the policy's own ranks where they stand. -----

/** Who runs at an instant, who waits and who holds what, in words. */
function standing(time) {
  const { running, on, done } = placesAt(time);
  const said = [facts.used.map((place) => `${facts.processors[place]} ${[...(running.get(place) ?? ["idle"])].join(" + ")}`).join(", ")];
  const known = new Set(on);
  const named = (job, node) => jobName(job) + (taskOf(job).nodes[node] === undefined ? "" : ` ${taskOf(job).nodes[node]}`);
  const blocked = new Map(); // by resource, who waits for it
  run.awaits.job.forEach((job, i) => {
    const { start, end, node, resource } = run.awaits;
    if (start[i] > time || end[i] <= time) return;
    known.add(nodeKey(job, node[i]));
    blocked.set(resource[i], [...(blocked.get(resource[i]) ?? []), jobName(job)]);
  });
  const queues = queuesAt(time, (key) => known.has(key) || done.has(key));
  const by = facts.ranks.names.length ? `, by ${facts.ranks.names.join(", then ")}` : "";
  for (const [pool, rows] of queues) {
    const where = facts.ranks.pools.length > 1 && facts.ranks.pools[pool] ? ` for ${facts.ranks.pools[pool].map((place) => facts.processors[place]).join(", ")}` : "";
    said.push(`ready${where}${by}: ${few(rows.map((row) => named(run.ranks.job[row], run.ranks.node[row]) + (run.ranks.lent[row] ? " (lent)" : "")))}`);
    for (const row of rows) known.add(nodeKey(run.ranks.job[row], run.ranks.node[row]));
  }
  run.holds.job.forEach((job, i) => {
    if (run.holds.start[i] > time || run.holds.end[i] <= time) return;
    const waiters = blocked.get(run.holds.resource[i]);
    said.push(`${facts.resources[run.holds.resource[i]]} held by ${jobName(job)}${waiters ? `, ${waiters.join(", ")} wait${waiters.length > 1 ? "" : "s"} for it` : ""}`);
  });
  const there = new Set([...known].map((key) => Math.floor(key / NODES)));
  const others = [];
  for (let job = 0; job < run.jobs.task.length && run.jobs.release[job] <= time; job++)
    if (overTime(job) > time && !there.has(job)) others.push(jobName(job));
  const unordered = facts.ranks.why || (run.ranks.job.length ? "" : "as they came: the run is too long for their order to be in this page");
  if (others.length) said.push(`${unordered ? `waiting (${unordered})` : "not ready"}: ${few(others)}`);
  else if (!queues.length && !blocked.size) said.push("nobody waits");
  return said.join("; ");
}

const NODES = 65536;
const nodeKey = (job, node) => job * NODES + node;
const few = (names) => names.slice(0, 12).join(", ") + (names.length > 12 ? ` and ${names.length - 12} more` : "");

/** Which jobs are on which processor at an instant, which nodes these are, and which nodes of open jobs are done. */
function placesAt(time) {
  const { job, node, start, end, processor, reason } = run.slices;
  const [running, on, done] = [new Map(), new Set(), new Set()];
  for (let i = 0; i < start.length && start[i] <= time; i++) {
    if (end[i] > time) {
      on.add(nodeKey(job[i], node[i]));
      if (!running.has(processor[i])) running.set(processor[i], new Set());
      running.get(processor[i]).add(jobName(job[i]));
    } else if (reason[i] === reasonOf.completed && overTime(job[i]) > time) done.add(nodeKey(job[i], node[i]));
  }
  return { running, on, done };
}

/** The nodes that wait for processors, by the pool in which they do, the most urgent first. */
function queuesAt(time, elsewhere) {
  const { job, node, after, order, pool } = run.ranks;
  const last = new Map(); // of each node that waits the rank that it has
  for (let row = 0; row < job.length; row++) {
    const key = nodeKey(job[row], node[row]);
    if (run.jobs.release[job[row]] + after[row] <= time && overTime(job[row]) > time && !elsewhere(key)) last.set(key, row);
  }
  const index = (row) => [order[row], run.jobs.task[job[row]], run.jobs.index[job[row]], node[row]];
  const rows = [...last.values()].map((row) => [row, index(row)]);
  rows.sort(([, one], [, other]) => one.reduce((found, number, i) => found || number - other[i], 0));
  const found = new Map();
  for (const [row] of rows) found.set(pool[row], [...(found.get(pool[row]) ?? []), row]);
  return [...found].sort(([one], [other]) => one - other);
}
