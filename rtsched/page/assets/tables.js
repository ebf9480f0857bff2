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

function showTasks() {
  const head = ["task", "jobs", "misses", "dropped", "mean response", "p95", "longest", "deadline", ...(facts.proof ? ["bound", "verdict"] : [])];
  const near = (ns) => (ns === null ? "–" : duration(Number(ns.toPrecision(4))));
  const texts = facts.figures.map(([count, missed, lost, ...times], task) => [
    facts.tasks[task].name, `${count}`, `${missed}`, `${lost}`, ...times.map(near),
    ...(facts.proof ? [near(facts.proof.bounds[task].most), facts.proof.bounds[task].verdict] : []),
  ]);
  fillTable(byId("tasks"), head, texts, [0]);
  [...byId("tasks").tBodies[0].rows].forEach((row, task) => {
    const key = document.createElement("span");
    key.className = "key";
    key.style.background = facts.tasks[task].colour;
    row.cells[0].prepend(key);
    row.classList.toggle("miss", facts.figures[task][1] > 0);
  });
}

const PAGE = 50;
const numbers = { release: "release", deadline: "deadline", start: "start", finish: "finish", preemptions: "preempted" };
const JOB_COLUMNS = ["job", "outcome", "release", "deadline", "start", "finish", "response", "preemptions", "answered as"];
const sorted = { column: "release", down: false, page: 0, jobs: [] };

const responseOf = (job) => (run.jobs.finish[job] < 0 ? Infinity : run.jobs.finish[job] - run.jobs.arrival[job]);

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
    const text = `${jobName(job)} ${facts.outcomes[run.jobs.outcome[job]]}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const found = [];
  for (let job = 0; job < run.jobs.task.length; job++) if (!words.length || wanted(job)) found.push(job);
  const key = keyOf(sorted.column);
  const way = sorted.down ? -1 : 1;
  const keys = new Map(found.map((job) => [job, key(job)]));
  sorted.jobs = found.sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    return a === b ? one - other : (a < b ? -1 : 1) * way;
  });
  sorted.page = 0;
  showJobs();
}

function showJobs() {
  const from = sorted.page * PAGE;
  const seen = sorted.jobs.slice(from, from + PAGE);
  const jobs = run.jobs;
  const columns = facts.tasks.some((task) => task.variants.length + task.exits.length) ? JOB_COLUMNS : JOB_COLUMNS.slice(0, -1);
  const texts = seen.map((job) => [
    jobName(job), facts.outcomes[jobs.outcome[job]] ?? "open", duration(jobs.release[job]), duration(jobs.deadline[job]),
    instant(jobs.start[job]), instant(jobs.finish[job]), jobs.finish[job] < 0 ? "–" : duration(responseOf(job)),
    `${jobs.preempted[job]}`, way(job),
  ].slice(0, columns.length));
  const table = byId("jobs");
  const focused = table.contains(document.activeElement) ? document.activeElement.textContent : null;
  fillTable(table, columns, texts, [0, 1, 8]);
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
    row.classList.toggle("miss", isMiss(seen[place]));
    row.dataset.job = seen[place];
    row.addEventListener("click", () => choose(seen[place], true));
  });
  markChosen();
  showPages(from, seen.length);
}

function markChosen() {
  for (const row of byId("jobs").tBodies[0]?.rows ?? []) row.classList.toggle("picked", Number(row.dataset.job) === view.job);
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
  const has = (reason) => run.slices.reason.includes(reasonOf[reason]);
  const ended = (outcome) => run.jobs.outcome.includes(outcome);
  const [x, y] = [12, 9];
  const box = (fill) => () => { pen.fillStyle = colours[fill]; pen.fillRect(1, 2, 22, 14); pen.strokeStyle = colours.soft; pen.strokeRect(1.5, 2.5, 21, 13); };
  const signs = [
    [true, "release", () => arrow0(y + 8, y - 7, colours.ink)],
    [true, "deadline", () => arrow0(y - 8, y + 7, colours.soft)],
    [true, "end", () => ring(x, y + 2)],
    [true, "released, not over", () => { pen.strokeStyle = colours.soft; pen.strokeRect(1.5, 5.5, 21, 6); }],
    [ended(LATE), "miss", () => cross(x, y, 3)],
    [ended(LATE), "after the deadline", box("late")],
    [ended(DROPPED) || ended(ABORTED), "dropped or aborted", () => cross(x, y, 1.6)],
    [has("preempted"), "preempted", () => { pen.fillStyle = colours.ink; pen.fillRect(x - 1, 1, 2.5, 16); }],
    [run.slices.moved.includes(1), "goes on elsewhere", () => diamond(x, y)],
    [has("overhead"), "overhead", box("soft")],
    [has("killed"), "work lost", box("lost")],
    [has("drained"), "drains", box("drained")],
    [run.waits.job.length > 0, "waiting on the GPU", () => { pen.setLineDash([3, 2]); pen.strokeStyle = colours.soft; pen.strokeRect(1.5, 2.5, 21, 13); pen.setLineDash([]); }],
    [run.holds.job.length > 0, "holds a resource", box("section")],
    [run.blocked, "waits for a resource", box("locked")],
    [run.spans.kind.includes(0), "out of service", box("down")],
    [run.spans.kind.includes(1), "decides", box("decides")],
    [run.spans.kind.includes(2), "suspended", () => arrowHead(x, y - 4, 1, colours.soft)],
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
