// ---- view.js: what is looked at; the address of the page says it, too. ---------------------------------------------

const view = {
  from: 0,
  to: facts.end,
  get job() { return now.chosen; }, // in the run that is looked at; choose() says it
  words: "", // rows whose names have them
  order: "policies", // or "rows": which of several runs' rows stand together
  of: "any", // whose misses `n` and `p` go through: a letter, or any
  kind: "all",
  look: "auto",
  pointer: null, // {x, y} on the timeline
  cursor: null, // the instant that `space` stepped to
  piece: null, // of the chosen job's time, the piece that was gone to
  measured: [], // none, one or two instants
};
const SHORTEST = 20; // ns: nobody looks closer

let asked = false;

/** Draw again before the next picture of the screen, once however often it is asked for. */
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    drawAll();
  });
}

function look(from, to) {
  const room = 0.02 * facts.end;
  const span = Math.max(SHORTEST, Math.min(to - from, facts.end + 2 * room));
  view.from = Math.max(-room, Math.min(from, facts.end + room - span));
  view.to = view.from + span;
  remember();
  redraw();
}

const whole = () => look(-0.01 * facts.end, 1.01 * facts.end);

function zoom(factor, at = (view.from + view.to) / 2) {
  const span = Math.max(SHORTEST, (view.to - view.from) * factor);
  const share = (at - view.from) / (view.to - view.from);
  look(at - share * span, at + (1 - share) * span);
}

function pan(share) {
  const way = share * (view.to - view.from);
  look(view.from + way, view.to + way);
}

/** Bring an interval into sight: where it is seen well already, stay. */
function show(from, to) {
  const span = view.to - view.from;
  const seen = from >= view.from && to <= view.to;
  if (to - from > 0.8 * span || to - from < 0.02 * span) {
    const room = Math.max(to - from, SHORTEST);
    look(from - room, to + room);
  } else if (!seen) look((from + to - span) / 2, (from + to + span) / 2);
}

function choose(job, bring = false) {
  for (const each of runs) each.chosen = twin(job, each.place);
  if (job >= 0 && bring) {
    const seen = ofEach(() => (view.job < 0 ? [] : [run.jobs.release[view.job], missTime(view.job), overTime(view.job)])).flat();
    show(Math.min(...seen), Math.max(...seen));
  }
  showJob(job);
  markChosen();
  remember();
  redraw();
}

/** The job that a text like "camera[3]" names, or -1. */
function jobCalled(text) {
  const [, name, index] = /^(.*)\[(\d+)\]$/s.exec(text.trim()) ?? [];
  const task = facts.tasks.findIndex((each) => each.name === name);
  if (task < 0) return -1;
  return run.jobs.task.findIndex((each, job) => each === task && run.jobs.index[job] === Number(index));
}

/** How a job is known in all runs: its task and its index; numbers differ where other jobs were released. */
const keyOfJob = (job) => run.jobs.task[job] * 2 ** 32 + run.jobs.index[job];

/** The number that a job of this run has in another one; -1 where that has no such job. */
function twin(job, place) {
  if (job < 0 || place === now.place) return job;
  const key = keyOfJob(job);
  return inRun(place, () => {
    now.byKey ??= new Map(Array.from(run.jobs.task, (_, each) => [keyOfJob(each), each]));
    return now.byKey.get(key) ?? -1;
  });
}

/** The run and the job that a text like "camera[3]" names: in the run that is looked at, else in the first that has it. */
function placeOf(text) {
  for (const place of [now.place, ...runs.keys()]) {
    const job = inRun(place, () => jobCalled(text));
    if (job >= 0) return [place, job];
  }
  return [now.place, -1];
}

/** The key of the chosen job, whichever run has it; none is -1. */
const chosenKey = () => Math.max(...ofEach(() => (view.job < 0 ? -1 : keyOfJob(view.job))));

/** An instant as an address has it: in ns, or with a unit. */
function instantOf(text) {
  const [, number, unit] = /^(-?[\d.]+)\s*(s|ms|us|ns)?$/.exec((text ?? "").trim()) ?? [];
  return Number(number) * (UNITS.find((each) => each[0] === (unit ?? "ns"))[1]);
}

let waiting = 0;
let written = null;

/** Write the view into the address, when it has been still for a moment. */
function remember() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const parts = [`from=${Math.round(view.from)}`, `to=${Math.round(view.to)}`];
    if (view.job >= 0) parts.push(`job=${encodeURIComponent(jobName(view.job))}`);
    if (view.words) parts.push(`rows=${encodeURIComponent(view.words)}`);
    if (view.kind !== "all") parts.push(`show=${view.kind}`);
    if (now.place) parts.push(`policy=${facts.letter}`);
    if (view.order !== "policies") parts.push(`order=${view.order}`);
    if (view.of !== "any") parts.push(`misses=${encodeURIComponent(view.of)}`);
    if (view.look !== "auto") parts.push(`look=${view.look}`);
    written = `#${parts.join("&")}`;
    try { history.replaceState(null, "", written); } catch { /* a page that may not: its address stays */ }
  }, 150);
}

/** Look at what the address says; what it does not say, or says wrongly, is as it is without one. */
function recall() {
  if (location.hash === written) return;
  const said = new Map();
  for (const part of location.hash.slice(1).split("&")) {
    const [key, ...rest] = part.split("=");
    try { said.set(key, decodeURIComponent(rest.join("="))); } catch { /* no text */ }
  }
  const choice = (id, key) => ([...byId(id).options].some((each) => each.value === said.get(key)) ? said.get(key) : null);
  view.words = byId("filter").value = said.get("rows") ?? "";
  view.kind = byId("kind").value = choice("kind", "show") ?? "all";
  view.order = byId("order").value = choice("order", "order") ?? "policies";
  view.of = byId("of").value = choice("of", "misses") ?? "any";
  use(Math.max(0, runs.findIndex((each) => each.facts.letter === said.get("policy"))));
  setLook(byId("look").value = choice("look", "look") ?? "auto");
  arrange();
  const [from, to] = [instantOf(said.get("from")), instantOf(said.get("to"))];
  const [place, job] = placeOf(said.get("job") ?? "");
  use(place);
  if (to > from) look(from, to);
  else whole();
  choose(job, !(to > from));
}

function setLook(name) {
  view.look = name;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.look = name === "auto" ? (dark ? "dark" : "light") : name;
  forgetColours();
  showLegend();
  remember();
  redraw();
}
