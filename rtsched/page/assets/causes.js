// ---- causes.js: why a job took so long: every piece of its time has one cause, in the words of `rtsched explain`. --

let why = null; // of the chosen job, where it is in the page

/** Where the rows of a number lie in an ascending column: [first, last). */
const placesIn = (column, number) => [above(column, number - 1), above(column, number)];
const inWords = (place) => (run.texts.all ??= JSON.parse(new TextDecoder().decode(run.texts.letter.map((each) => each / 2))))[place];

/** What is said of a job in sentences, its items (the longest first) and its pieces; null where they are not here. */
function whyOf(job) {
  const saidIn = ({ job: jobs, said }) => [...said.slice(...placesIn(jobs, job))].map(inWords);
  const lines = saidIn(run.explained);
  if (!lines.length) return null;
  const [from, to] = placesIn(run.pieces.job, job);
  const items = saidIn(run.items).map((said) => ({ said, time: 0, pieces: [] }));
  const pieces = [];
  for (let i = from, start = run.jobs.arrival[job]; i < to; i++) {
    const item = items[run.pieces.item[i]];
    const piece = {
      start, end: (start += run.pieces.length[i]), look: facts.looks[run.pieces.cause[i]], place: run.pieces.place[i], item,
      said: inWords(run.pieces.said[i]), culprits: [...run.blamed.job.slice(...placesIn(run.blamed.piece, i))],
    };
    item.time += piece.end - piece.start;
    item.pieces.push(piece);
    pieces.push(piece);
  }
  return { lines, items, pieces, job, place: now.place };
}

/** The explanation of the chosen job: a sentence, a bar, and two tables. */
function causesPart(job) {
  [why, view.piece] = [whyOf(job), null];
  const part = made("div", "");
  part.className = "why";
  if (!why) {
    part.append(...absent(job));
    return part;
  }
  part.append(...why.lines.map((text) => made("p", text)));
  if (!why.pieces.length) return part;
  const sums = document.createElement("table");
  fillTable(sums, ["in all", "what", "go to"], why.items.map((item) => [duration(item.time), item.said, ""]), [1, 2]);
  [...sums.tBodies[0].rows].forEach((row, place) => {
    const item = why.items[place];
    mark(row.cells[1], item.pieces[0].look);
    row.cells[2].append(...[...new Set(item.pieces.flatMap((piece) => piece.culprits))].slice(0, 3).map((other) => pressed(jobName(other), () => choose(other, true))));
    row.addEventListener("click", (event) => event.target.closest("button") || goToPiece(item));
  });
  part.append(barOf(), sums);
  if (why.pieces.length > 1) part.append(inOrder());
  return part;
}

/** Why a job is not explained here, and what explains it. */
function absent(job) {
  const most = new Set(run.explained.job).size;
  const said = made("p", `This page explains ${most} jobs, those that missed first and the latest of the others. For this one there is`);
  const name = `'${jobName(job).replaceAll("'", "'\\''")}'`;
  return [said, made("pre", !facts.command ? `trace.explain(${JSON.stringify(taskOf(job).name)}, ${run.jobs.index[job]})` : facts.command.replace("JOB", () => name))];
}

/** A segment for each item, as wide as it was long: a press goes to its pieces, one after the other. */
function barOf() {
  const bar = made("div", "");
  bar.className = "bar";
  bar.role = "group";
  bar.ariaLabel = "where its time went";
  const all = why.items.reduce((sum, item) => sum + item.time, 0);
  for (const item of why.items) {
    const share = (100 * item.time) / all;
    const segment = pressed("", () => goToPiece(item));
    segment.append(made("span", duration(item.time)));
    segment.title = segment.ariaLabel = `${duration(item.time)}, ${trimmed(share, 1)} %: ${item.said}`;
    coloured(segment, item.pieces[0].look);
    segment.style.width = `${share}%`;
    bar.append(segment);
  }
  return bar;
}

/** All pieces, one after the other. */
function inOrder() {
  const box = document.createElement("details");
  const table = document.createElement("table");
  const seen = why.pieces.slice(0, MOST_PIECES);
  fillTable(table, ["from", "for", "what"], seen.map((piece) => [duration(piece.start), duration(piece.end - piece.start), piece.said]), [2]);
  [...table.tBodies[0].rows].forEach((row, place) => {
    mark(row.cells[2], seen[place].look);
    row.addEventListener("click", () => goTo(seen[place]));
  });
  const most = why.pieces.length > MOST_PIECES ? `, the first ${MOST_PIECES} of ${why.pieces.length}` : "";
  box.open = seen.length <= 12;
  box.append(made("summary", `Piece after piece${most}`), table);
  return box;
}

function mark(cell, look) {
  const key = document.createElement("span");
  coloured(key, look);
  key.classList.add("key");
  cell.prepend(key);
}

/** In the colour of a cause, or hatched: the style knows how each looks. */
function coloured(element, look) {
  element.className = "cause";
  element.style.setProperty("--c", `var(--c${look})`);
}

function pressed(text, act) {
  const button = made("button", text);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

/** Go to the next piece of an item: the first one, if none of it was gone to. */
const goToPiece = ({ pieces }) => goTo(pieces[(pieces.indexOf(view.piece) + 1) % pieces.length]);

function goTo(piece) {
  view.piece = piece;
  show(piece.start, piece.end);
  say(`${duration(piece.start)}, for ${duration(piece.end - piece.start)}: ${piece.said}`);
  redraw();
}

/** On the job's own row what it waited for, in its hollow strip; on the rows of the culprits a band, and an edge in front. */
function drawCauses(row, top, front) {
  if (!why || view.job !== why.job || now.place !== why.place) return;
  const own = row.kind === "task" && run.jobs.task[why.job] === row.index;
  const [y] = laneOf(row, top, 0);
  const high = row.height - (y - top) - 0.25 * rem;
  for (const { start, end, look, place, culprits } of why.pieces) {
    if (end < view.from || start > view.to || look === 0) continue;
    const [left, right] = [Math.max(-5, xOf(start)), Math.min(canvasWidth + 5, xOf(end))];
    const box = (from, tall) => pen.fillRect(left, from, Math.max(1, right - left), tall);
    const blamed = row.kind === "task" ? culprits.some((job) => run.jobs.task[job] === row.index) : row.kind === "processor" && place === row.index;
    pen.fillStyle = colours.causes[look];
    if (own && !front) box(y + high * 0.3 + 1, high * 0.4 - 2);
    if (!blamed) continue;
    if (front) for (const edge of [top, top + row.height - 4]) box(edge, 3);
    else {
      pen.globalAlpha = 0.35;
      box(top, row.height - 1);
      pen.globalAlpha = 1;
    }
  }
}
