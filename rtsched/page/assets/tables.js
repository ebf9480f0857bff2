// ---- tables.js: the same in words and numbers, for those who read rather than look. --------------------------------

/** Head and rows of a table; `names` are the columns whose texts begin at the left. */
function fillTable(table, head, rowsOf, names) {
  const line = (kind, texts) => {
    const row = document.createElement("tr");
    texts.forEach((text, column) => {
      const cell = made(kind, text);
      if (kind === "th") cell.scope = "col";
      if (names.includes(column)) {
        cell.className = "name";
        cell.title = text;
      }
      row.append(cell);
    });
    return row;
  };
  const [top, body] = [document.createElement("thead"), document.createElement("tbody")];
  top.append(line("th", head));
  body.append(...rowsOf.map((texts) => line("td", texts)));
  table.replaceChildren(top, body);
}

const TASK_COLUMNS = ["task", "jobs", "misses", "dropped", "mean response", "p95", "longest", "deadline"];
const PROVEN = facts.proof ? ["bound", "verdict"] : [];

/** What the run says of a task, column by column. */
function taskTexts(task) {
  const near = (ns) => (ns === null ? "–" : duration(Number(ns.toPrecision(4))));
  const [count, missed, lost, ...times] = facts.figures[task];
  const proven = facts.proof ? [near(facts.proof.bounds[task].most), facts.proof.bounds[task].verdict] : [];
  const { id, name } = facts.tasks[task];
  return [id ? `${id} ${name}` : name, `${count}`, `${missed}`, `${lost}`, ...times.map(near), ...proven];
}

/** A small square in the colour of a task. */
function colourKey(task) {
  const key = document.createElement("span");
  key.className = "key";
  key.style.background = facts.tasks[task].colour;
  return key;
}

function showTasks() {
  if (several) return tasksBeside();
  fillTable(byId("tasks"), [...TASK_COLUMNS, ...PROVEN], facts.figures.map((_, task) => taskTexts(task)), [0]);
  return [...byId("tasks").tBodies[0].rows].forEach((row, task) => {
    row.cells[0].prepend(colourKey(task));
    row.classList.toggle("miss", facts.figures[task][1] > 0);
  });
}

const PAGE = 50;
const numbers = { release: "release", deadline: "deadline", start: "start", finish: "finish", preemptions: "preempted" };
const JOB_COLUMNS = ["job", "outcome", "release", "deadline", "start", "finish", "response", "preemptions", "answered as"];
const sorted = { column: "release", down: false, page: 0, jobs: [] };

const responseOf = (job) => (run.jobs.finish[job] < 0 ? Infinity : run.jobs.finish[job] - run.jobs.arrival[job]);

/** What the table of jobs lists, each entry a number: here the jobs of the run; beside.js has it for several. */
const jobsOfRun = {
  columns: () => (facts.tasks.some((task) => task.variants.length + task.exits.length) ? JOB_COLUMNS : JOB_COLUMNS.slice(0, -1)),
  entries: () => Array.from(run.jobs.task.keys()),
  words: (job) => `${jobName(job)} ${facts.outcomes[run.jobs.outcome[job]]}`,
  key: keyOf,
  texts: (job) => [
    jobName(job), facts.outcomes[run.jobs.outcome[job]] ?? "open", duration(run.jobs.release[job]), duration(run.jobs.deadline[job]),
    instant(run.jobs.start[job]), instant(run.jobs.finish[job]), run.jobs.finish[job] < 0 ? "–" : duration(responseOf(job)),
    `${run.jobs.preempted[job]}`, way(job),
  ],
  names: [0, 1, 8],
  mark: (row, job) => row.classList.toggle("miss", isMiss(job)),
  chosen: () => view.job,
  choose: (job) => choose(job, true),
};
const listing = () => (several ? jobsBeside : jobsOfRun);

/** By what the jobs are sorted: a number, or a text, of each. */
function keyOf(column) {
  if (numbers[column]) return (job) => (run.jobs[numbers[column]][job] < 0 ? Infinity : run.jobs[numbers[column]][job]);
  if (column === "job") return (job) => run.jobs.task[job] * 1e9 + run.jobs.index[job];
  if (column === "outcome") return (job) => run.jobs.outcome[job];
  if (column === "response") return responseOf;
  return way;
}

function sortJobs() {
  const words = byId("which").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = (job) => {
    const text = listing().words(job).toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const found = listing().entries().filter((job) => !words.length || wanted(job));
  const key = listing().key(sorted.column);
  const way = sorted.down ? -1 : 1;
  const keys = new Array(run.jobs.task.length);
  for (const job of found) keys[job] = key(job);
  const before = (one, other) => (keys[one] === keys[other] ? one - other : (keys[one] < keys[other] ? -1 : 1) * way);
  const inOrder = found.every((job, i) => !i || before(found[i - 1], job) < 0); // as they came: nothing is to be done
  sorted.jobs = inOrder ? found : found.sort(before);
  sorted.page = 0;
  showJobs();
}

function showJobs() {
  const from = sorted.page * PAGE;
  const seen = sorted.jobs.slice(from, from + PAGE);
  const columns = listing().columns();
  const texts = seen.map((job) => listing().texts(job).slice(0, columns.length));
  const table = byId("jobs");
  const focused = table.contains(document.activeElement) ? document.activeElement.textContent : null;
  fillTable(table, columns, texts, listing().names);
  [...table.tHead.rows[0].cells].forEach((cell) => {
    const button = document.createElement("button");
    const column = button.textContent = cell.textContent;
    button.type = "button";
    button.addEventListener("click", () => {
      sorted.down = sorted.column === column && !sorted.down;
      sorted.column = column;
      sortJobs();
    });
    cell.replaceChildren(button);
    if (column === sorted.column) cell.ariaSort = sorted.down ? "descending" : "ascending";
    if (column === focused) button.focus();
  });
  [...table.tBodies[0].rows].forEach((row, place) => {
    listing().mark(row, seen[place]);
    row.dataset.job = seen[place];
    row.addEventListener("click", () => listing().choose(seen[place]));
  });
  markChosen();
  showPages(from, seen.length);
}

function markChosen() {
  const chosen = listing().chosen();
  for (const row of byId("jobs").tBodies[0]?.rows ?? []) row.classList.toggle("picked", Number(row.dataset.job) === chosen);
}

function showPages(from, count) {
  const turn = (text, page) => {
    const button = made("button", text);
    button.type = "button";
    button.disabled = page < 0 || page * PAGE >= sorted.jobs.length;
    button.addEventListener("click", () => {
      sorted.page = page;
      showJobs();
    });
    return button;
  };
  const all = sorted.jobs.length;
  const said = made("span", count ? ` ${from + 1} to ${from + count} of ${all} ` : " none ");
  byId("pages").replaceChildren(turn("‹", sorted.page - 1), said, turn("›", sorted.page + 1));
}

/** The signs that occur in this run, each beside a small picture of it. */
function showLegend() {
  const any = (ask) => ofEach(ask).some(Boolean);
  const has = (reason) => any(() => run.slices.reason.includes(reasonOf[reason]));
  const ended = (outcome) => any(() => run.jobs.outcome.includes(outcome));
  const [x, y] = [12, 9];
  const box = (fill) => () => { pen.fillStyle = colours[fill]; pen.fillRect(1, 2, 22, 14); pen.strokeStyle = colours.soft; pen.strokeRect(1.5, 2.5, 21, 13); };
  const signs = [
    [true, "release", () => arrow0(y + 8, y - 7, colours.ink)],
    [true, "deadline", () => arrow0(y - 8, y + 7, colours.soft)],
    [true, "end", () => ring(x, y + 2)],
    [true, "released, not over", () => { pen.strokeStyle = colours.soft; pen.strokeRect(1.5, 5.5, 21, 6); }],
    [ended(LATE), "miss", () => cross(x, y, 3)],
    [ended(LATE), "after the deadline", box("late")],
    [given.parted?.length, "first difference", () => { pen.fillStyle = colours.parted; for (const top of [1, 7, 13]) pen.fillRect(x - 1, top, 2, 4); }],
    [ended(DROPPED) || ended(ABORTED), "dropped or aborted", () => cross(x, y, 1.6)],
    [has("preempted"), "preempted", () => { pen.fillStyle = colours.ink; pen.fillRect(x - 1, 1, 2.5, 16); }],
    [any(() => run.slices.moved.includes(1)), "goes on elsewhere", () => diamond(x, y)],
    [has("overhead"), "overhead", box("soft")],
    [has("killed"), "work lost", box("lost")],
    [has("drained"), "drains", box("drained")],
    [any(() => run.waits.job.length), "waiting on the GPU", () => { pen.setLineDash([3, 2]); pen.strokeStyle = colours.soft; pen.strokeRect(1.5, 2.5, 21, 13); pen.setLineDash([]); }],
    [any(() => run.holds.job.length), "holds a resource", box("section")],
    [any(() => run.awaits.job.length), "waits for a resource", box("locked")],
    [any(() => run.spans.kind.includes(0)), "out of service", box("down")],
    [any(() => run.spans.kind.includes(1)), "decides", box("decides")],
    [any(() => run.spans.kind.includes(2)), "suspended", () => arrowHead(x, y - 4, 1, colours.soft)],
  ];
  const arrow0 = (from, to, colour) => { pen.fillStyle = colour; pen.fillRect(x - 0.6, Math.min(from, to), 1.2, Math.abs(from - to)); arrowHead(x, to, to > from ? 1 : -1, colour); };
  byId("legend").replaceChildren(...signs.filter(([there]) => there).map(([, text, draw]) => {
    const item = made("li", text);
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [48, 36];
    drawOn(picture, draw);
    item.prepend(picture);
    return item;
  }));
}

/** Let the signs of the timeline be drawn on another canvas. */
function drawOn(picture, draw) {
  const kept = [pen, rem];
  [pen, rem] = [picture.getContext("2d"), 16];
  if (!colours) readColours();
  pen.scale(2, 2);
  draw();
  [pen, rem] = kept;
}
