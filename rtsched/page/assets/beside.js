// ---- beside.js: several runs in words and numbers, beside each other. Pages of one run do not have it. --------------

let paired = null;

/** All jobs of all runs by task and index: their numbers in each run (-1: none), and whether they fare otherwise. */
function pairs() {
  if (paired) return paired;
  const found = new Map();
  ofEach((place) => {
    for (let job = 0; job < run.jobs.task.length; job++) {
      const key = keyOfJob(job);
      if (!found.has(key)) found.set(key, { key, release: run.jobs.release[job], jobs: runs.map(() => -1) });
      found.get(key).jobs[place] = job;
    }
  });
  paired = [...found.values()].sort((one, other) => one.release - other.release || one.key - other.key);
  const fates = ofEach((place) => paired.map(({ jobs: { [place]: job } }) => (job < 0 ? "" : `${responseOf(job)} ${run.jobs.outcome[job]}`)));
  paired.forEach((pair, at) => { pair.other = fates.some((each) => each[at] !== fates[0][at]); });
  return paired;
}

/** The job of a pair in a run that has it: what all runs agree on is asked there. */
function someOf(pair, ask) {
  const place = pair.jobs.findIndex((job) => job >= 0);
  return inRun(place, () => ask(pair.jobs[place]));
}

/** Choose the job of a pair: under the policy that is looked at, or under the first that released it. */
function choosePair({ jobs }, bring) {
  if (jobs[now.place] < 0) use(jobs.findIndex((job) => job >= 0));
  choose(jobs[now.place], bring);
}

/** How much longer the response is than under the first policy, in ns; NaN where one of the two has none. */
function longer(pair, place) {
  const responses = [0, place].map((each) => inRun(each, () => (pair.jobs[each] < 0 ? NaN : responseOf(pair.jobs[each]))));
  return Number.isFinite(responses[0]) && Number.isFinite(responses[1]) ? responses[1] - responses[0] : NaN;
}

const signed = (ns) => (Number.isNaN(ns) ? "–" : ns > 0 ? `+${duration(ns)}` : duration(ns).replace("-", "−"));
const letters = () => runs.map(({ facts }) => facts.letter);
/** A policy as the heading of a column. */
const titleOf = ({ facts: { letter, label } }) => `${letter} ${label.length > 28 ? `${[...label].slice(0, 27).join("")}…` : label}`;
const titles = () => runs.map(titleOf);
const contrasts = () => letters().slice(1).map((letter) => `${letter} − A`);

/** What the table of jobs lists (tables.js): each job once, with what became of it under each policy. */
const jobsBeside = {
  columns: () => ["job", "release", "deadline", ...titles(), ...contrasts()],
  entries: () => pairs().map((_, at) => at),
  words: (at) => `${someOf(pairs()[at], jobName)} ${pairs()[at].jobs.map((job, place) => inRun(place, () => fared(job))).join(" ")} ${pairs()[at].other ? "differs" : ""}`,
  key(column) {
    const place = [...titles(), ...contrasts()].indexOf(column);
    const orLast = (ask) => (at) => { const value = ask(pairs()[at]); return Number.isNaN(value) ? Infinity : value; };
    if (column === "job") return (at) => pairs()[at].key;
    if (column === "release") return (at) => pairs()[at].release;
    if (column === "deadline") return orLast((pair) => someOf(pair, (job) => run.jobs.deadline[job]));
    if (place >= runs.length) return orLast((pair) => longer(pair, place - runs.length + 1));
    return orLast(({ jobs }) => inRun(place, () => (jobs[place] < 0 ? NaN : responseOf(jobs[place]))));
  },
  texts(at) {
    const pair = pairs()[at];
    const own = someOf(pair, (job) => [jobName(job), duration(run.jobs.release[job]), duration(run.jobs.deadline[job])]);
    const fates = pair.jobs.map((job, place) => inRun(place, () => fared(job)));
    return [...own, ...fates, ...runs.slice(1).map(({ place }) => signed(longer(pair, place)))];
  },
  names: [0],
  mark: (row, at) => pairs()[at].jobs.forEach((job, place) =>
    row.cells[3 + place].classList.toggle("miss", job >= 0 && inRun(place, () => isMiss(job)))),
  chosen: () => { const key = chosenKey(); return pairs().findIndex((pair) => pair.key === key); },
  choose: (at) => choosePair(pairs()[at], true),
};

/** Each task's figures under one policy below those under the other. */
function tasksBeside() {
  const head = ["task", "policy", ...TASK_COLUMNS.slice(1)];
  const texts = facts.tasks.flatMap((_, task) => ofEach(() => [taskTexts(task)[0], titleOf(now), ...taskTexts(task).slice(1)]));
  fillTable(byId("tasks"), head, texts, [0, 1]);
  [...byId("tasks").tBodies[0].rows].forEach((row, at) => {
    const [task, place] = [Math.floor(at / runs.length), at % runs.length];
    row.classList.toggle("miss", inRun(place, () => facts.figures[task][1] > 0));
    if (place) row.cells[0].textContent = "";
    else row.cells[0].prepend(colourKey(task));
    row.classList.toggle("begins", !place && at > 0);
  });
}

/** The runs as a whole, where they part, and which jobs only some of them have. */
function showPolicies() {
  const { head, rows } = given.totals;
  fillTable(byId("totals"), ["policy", ...head], rows.map((texts, place) => [titleOf(runs[place]), ...texts]), [0]);
  byId("policies").hidden = false;
  byId("table").hidden = given.figures === null;
  byId("compared").textContent = given.figures ?? "";
  const said = given.parted.map((each) => `${partedText(each)}`);
  const alike = runs.slice(1).filter(({ place }) => !given.parted.some((each) => each.run === place)).map(({ facts }) => facts.letter);
  const otherwise = pairs().filter((pair) => pair.other).length;
  const why = otherwise && alike.length === runs.length - 1 ? "; what differs is how fast it runs, or what it answers" : "";
  if (alike.length) said.push(`Under A and ${alike.join(", ")} the same begins and is preempted at the same instants${why}.`);
  said.push(`${otherwise || "None"} of ${pairs().length} jobs ${otherwise === 1 ? "fares" : "fare"} otherwise.`);
  const lone = runs.map(({ facts, place }) => [facts.letter, pairs().filter(({ jobs }) => jobs[place] < 0).length]).filter(([, count]) => count);
  if (lone.length) said.push(`Not released in ${lone.map(([letter, count]) => `${letter}: ${count}`).join(", in ")} of them: jobs are matched by task and index.`);
  byId("parting").replaceChildren(...said.map((text) => made("p", text)));
}

/** The chosen job under each policy: facts as rows, policies as columns; a column's heading looks at that one. */
function fatesPart() {
  const own = ofEach(() => new Map(view.job < 0 ? [["outcome", "no such job"]] : factsOf(view.job)));
  const wanted = new Set(own.flatMap((each) => [...each.keys()]));
  for (const name of ["late by", "before the deadline by", "dropped", "aborted"]) wanted.delete(name);
  const texts = [...wanted].map((name) => [name, ...own.map((each) => each.get(name) ?? "–")]);
  const table = document.createElement("table");
  fillTable(table, ["", ...titles()], texts, [0]);
  [...table.tHead.rows[0].cells].slice(1).forEach((cell, place) => {
    const button = made("button", cell.textContent);
    button.type = "button";
    button.ariaPressed = `${place === now.place}`;
    button.disabled = runs[place].chosen < 0;
    button.title = "its slices and causes below";
    button.addEventListener("click", () => { use(place); choose(view.job); });
    cell.replaceChildren(button);
  });
  [...table.tBodies[0].rows].forEach((row, at) => row.classList.toggle("differs", new Set(texts[at].slice(1)).size > 1));
  ofEach((place) => table.tBodies[0].rows[0].cells[1 + place].classList.toggle("miss", view.job >= 0 && isMiss(view.job)));
  const wide = made("div", "");
  wide.className = "wide fates";
  wide.append(table, made("h3", `Under ${titleOf(now)}`));
  return wide;
}

parts.splice(parts.indexOf(timesPart), 1, fatesPart);
