// ---- view.js: what is looked at; the address of the page says it, too. ---------------------------------------------

const view = {
  from: 0,
  to: facts.end,
  job: -1, // the chosen one
  words: "", // rows whose names have them
  kind: "all",
  order: "file", // or by priority
  look: "auto",
  pointer: null, // {x, y} on the timeline
  cursor: null, // the instant that `space` stepped to
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
  view.job = job;
  if (job >= 0 && bring) show(run.jobs.release[job], Math.max(missTime(job), overTime(job)));
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
    if (view.order !== "file") parts.push(`order=${view.order}`);
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
  view.order = byId("order").value = choice("order", "order") ?? "file";
  setLook(byId("look").value = choice("look", "look") ?? "auto");
  arrange();
  const [from, to] = [instantOf(said.get("from")), instantOf(said.get("to"))];
  const job = jobCalled(said.get("job") ?? "");
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
