// ---- policies.js: the lanes of several runs on one axis, and where they part. Pages of one run do not have it. -------

/** What became of a job in few words: "8 ms late", "3 ms", "dropped", "no such job". */
function fared(job) {
  if (job < 0) return "no such job";
  const outcome = facts.outcomes[run.jobs.outcome[job]] ?? "open";
  if (run.jobs.finish[job] < 0) return outcome;
  return `${duration(responseOf(job))}${run.jobs.outcome[job] === OK ? "" : ` ${outcome}`}`;
}

/** What became of the chosen job under each policy. */
const faredEach = () => ofEach(() => `${facts.letter} ${fared(view.job)}`).join(", ");

/** Rows below the heading of their policy, or the rows of all policies that show the same below each other. */
function ordered(found) {
  const heads = runs.map((each) => ({ kind: "policy", run: each.place, name: each.facts.label, mark: markOf(each.place) }));
  const seen = (place) => found.filter((row) => row.run === place);
  const shown = heads.filter((head) => seen(head.run).length);
  if (view.order !== "rows") return shown.flatMap((head) => [head, ...seen(head.run)]);
  const order = new Map();
  for (const { kind, name } of found) if (!order.has(`${kind} ${name}`)) order.set(`${kind} ${name}`, order.size);
  const at = (row) => order.get(`${row.kind} ${row.name}`);
  return [...shown, ...found.toSorted((one, other) => at(one) - at(other) || one.run - other.run)];
}

/** The policy above its lanes: its letter, its name, what came of it; and what it did where it parts from the others. */
function drawPolicy(row, top, width) {
  pen.fillStyle = colours.line;
  pen.fillRect(0, top, width, row.height - 1);
  const middle = top + row.height - 0.75 * rem;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.fillStyle = colours.ink;
  pen.font = font(0.95, "700");
  const name = fit(`${facts.letter}  ${facts.label}`, width - 1.4 * rem);
  pen.fillText(name, 0.7 * rem, middle);
  const left = 1.7 * rem + pen.measureText(name).width;
  pen.font = font(0.85);
  pen.fillText(fit(outcomeOfRun(), width - left - 0.7 * rem), left, middle);
  drawDeed(row, top, width);
}

/** What came of the run that is looked at, in a few words. */
function outcomeOfRun() {
  const missed = misses.length;
  const full = facts.scheduler === facts.label ? "" : ` · ${facts.scheduler}`;
  return `${missed || "no"} ${missed === 1 ? "miss" : "misses"} in ${run.jobs.task.length} jobs${full}`;
}

/** What a policy's heading says of how it parts from the first one; that has it said where there is only one other. */
const markOf = (place) => given.parted.find((each) => each.run === place || (place === 0 && runs.length === 2));

/** What this policy did when it parted: beside the line, on the side where there is room. */
function drawDeed(row, top, width) {
  if (!row.mark) return;
  const x = xOf(row.mark.time);
  if (x < gutter || x > width) return;
  const [first, own] = row.mark.said;
  const text = row.run === 0 ? first : runs.length > 2 ? `${own} (A: ${first})` : own;
  const right = width - x >= x - gutter;
  pen.font = font(0.85, "600");
  const shown = fit(text, (right ? width - x : x - gutter) - 0.8 * rem);
  pen.fillStyle = colours.parted;
  pen.fillText(shown, right ? x + 0.4 * rem : x - 0.4 * rem - pen.measureText(shown).width, top + 0.7 * rem);
}

/** A dashed line through all lanes at the first decision in which a policy differs from the first one. */
function drawParted(width, height) {
  const at = new Map();
  for (const { time, run: place } of given.parted) at.set(time, [...(at.get(time) ?? []), runs[place].facts.letter]);
  for (const [time, letters] of at) {
    const x = Math.round(xOf(time));
    if (x < gutter || x > width) continue;
    pen.fillStyle = colours.parted;
    for (const row of rows) {
      const top = row.top - byId("frame").scrollTop;
      const foot = row.kind !== "policy" ? top + row.height : row.mark ? top + 1.3 * rem : top; // not through its name
      for (let y = Math.max(top, axisHeight()); y < Math.min(foot, height); y += 7) pen.fillRect(x - 1, y, 2, 4);
    }
    pen.font = font(0.8, "700");
    const text = `A ≠ ${letters.join(", ")} at ${duration(time)}`;
    const room = pen.measureText(text).width + 8;
    const left = Math.max(gutter, Math.min(x - room / 2, width - room));
    pen.fillRect(left, 1, room, axisHeight() - 3);
    pen.fillStyle = colours.paper;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText(text, left + 4, axisHeight() / 2);
  }
}

/** In the strip above: the letter of each run, and where runs part. */
function drawLetters(width, each) {
  const on = stripPen;
  on.font = font(Math.min(0.85, each / rem), "700");
  on.textBaseline = "bottom";
  for (const { place, facts } of runs) {
    const wide = on.measureText(facts.letter).width + 6;
    on.fillStyle = colours.paper;
    on.fillRect(4, (place + 1) * each - 0.95 * rem, wide, 0.9 * rem);
    on.fillStyle = colours.ink;
    on.fillText(facts.letter, 7, (place + 1) * each - 1);
    if (place) { on.fillStyle = colours.paper; on.fillRect(0, place * each, width, 1.5); }
  }
  on.fillStyle = colours.parted;
  for (const { time, run: place } of given.parted) {
    const x = (time / facts.end) * width;
    for (let y = 0; y < each * runs.length; y += 5) on.fillRect(x - 1, y, 2, place && 3);
  }
}

/** Go to the next job that fares otherwise under another policy than under the first, or to the one before. */
function goToOther(way) {
  const others = pairs().filter((pair) => pair.other);
  const key = chosenKey();
  const own = pairs().find((pair) => pair.key === key);
  const here = own ? [own.release, own.key] : [way > 0 ? view.from - 1 : view.to + 1, 0];
  const beyond = ({ release, key }) => way * (release - here[0] || key - here[1]) > 0;
  const next = way > 0 ? others.find(beyond) : others.findLast(beyond);
  if (!next) return say(others.length ? `that was the ${way > 0 ? "last" : "first"} job that fares otherwise` : "all jobs fare alike");
  choosePair(next, true);
  scrollTo(view.job);
  return say(`${others.indexOf(next) + 1} of ${others.length} that fare otherwise: ${jobName(view.job)}: ${faredEach()}`);
}

/** To where the first of the runs parts. */
function goToParting() {
  if (!given.parted.length) return say("the same begins and is preempted under all of them");
  const { time, run: place } = given.parted.toSorted((one, other) => one.time - other.time)[0];
  const span = Math.min(view.to - view.from, facts.end / 2);
  if (time < view.from + 0.05 * span || time > view.to - 0.05 * span) look(time - 0.3 * span, time + 0.7 * span);
  say(partedText(given.parted.find((each) => each.run === place)));
}

const partedText = ({ time, run: place, said }) =>
  `First difference at ${duration(time)}: A: ${said[0]}; ${runs[place].facts.letter}: ${said[1]}.`;

/** What only a page of several runs has. */
function takePolicies(on) {
  strip.style.height = `${Math.max(3.2, 1.4 * runs.length)}rem`;
  for (const each of document.querySelectorAll(".several")) each.hidden = false;
  byId("of").append(...letters().map((letter) => new Option(`of ${letter}`, letter)));
  on("of", (event) => { view.of = event.target.value; remember(); }, "change");
  on("order", (event) => { view.order = event.target.value; arrange(); remember(); }, "change");
  on("parts", goToParting);
  on("earlier", () => goToOther(-1));
  on("later", () => goToOther(1));
  byId("which").placeholder = "a task, an outcome, or: differs";
  byId("parts").disabled = !given.parted.length;
  for (const id of ["earlier", "later"]) byId(id).disabled = !pairs().some((pair) => pair.other);
}

function writeHeadOfSeveral() {
  byId("title").append(made("bdi", given.system), " ", made("small", `under ${runs.map((each) => `${each.facts.letter} ${each.facts.label}`).join(", ")}`));
  const seeds = new Set(runs.map((each) => each.facts.seed));
  const seed = seeds.size > 1 ? `seeds ${[...seeds].join(", ")}: not the same worlds` : `seed ${facts.seed}`;
  const cut = runs.filter((each) => each.facts.planned !== null).map((each) => `${each.facts.letter} was interrupted. `).join("");
  byId("headline").textContent = `${cut}Jobs released for ${duration(facts.until)}, ${seed}. ${given.note}`;
  byId("figures").textContent = ofEach(() => `${titleOf(now)}\n${facts.text}`).join("\n\n");
  showPolicies();
  writeGiven();
}

Object.assign(keys, { d: () => goToOther(1), D: () => goToOther(-1), f: goToParting });
