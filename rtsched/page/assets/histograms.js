// ---- histograms.js: how long the jobs of each task took, beside its deadline and what is proven of it. -------------

const [BARS, MANY_TASKS] = [48, 12]; // about so many bars; of more tasks than this they are drawn when asked for
const [GRAPH_WIDTH, GRAPH_HEIGHT, FOOT] = [300, 130, 22];

function showHistograms() {
  const box = byId("responses");
  const fill = () => box.append(...facts.tasks.flatMap((_, task) => ofEach(() => histogram(task))).filter(Boolean));
  const proof = facts.proof;
  box.replaceChildren();
  if (proof) box.before(Object.assign(made("p", proof.words), { id: "proof" }));
  if (facts.tasks.length * runs.length <= MANY_TASKS) return fill();
  const button = made("button", `Draw those of all ${facts.tasks.length} tasks`);
  button.type = "button";
  button.addEventListener("click", () => { button.remove(); fill(); });
  return box.append(button);
}

/** The responses of a task, and what became of the jobs that have none. */
function responsesOf(task) {
  const [times, late, lost] = [[], [], new Map()];
  for (let job = 0; job < run.jobs.task.length; job++) {
    if (run.jobs.task[job] !== task) continue;
    if (run.jobs.finish[job] >= 0) {
      times.push(responseOf(job));
      late.push(run.jobs.finish[job] > run.jobs.deadline[job]);
    } else {
      const outcome = facts.outcomes[run.jobs.outcome[job]] ?? "open";
      lost.set(outcome, (lost.get(outcome) ?? 0) + 1);
    }
  }
  return { times, late, lost };
}

/** A step of 1, 2 or 5 times a power of ten ns that makes about so many of a length. */
function stepOf(length, count) {
  const power = 10 ** Math.floor(Math.log10(length / count));
  return Math.max(1, [1, 2, 5, 10].find((each) => each * power >= length / count) * power);
}

function histogram(task) {
  const { name, deadline, colour } = facts.tasks[task];
  const { times, late, lost } = responsesOf(task);
  const bound = facts.proof?.bounds[task] ?? null;
  if (!times.length && !lost.size) return null;
  const longestOf = (those) => those.reduce((most, each) => Math.max(most, each), 0);
  const longest = several ? Math.max(...ofEach(() => longestOf(responsesOf(task).times))) : longestOf(times); // one scale
  const near = [deadline, bound?.most].filter((each) => each && (each <= 4 * longest || !longest));
  const reach = 1.04 * Math.max(longest, ...near, 1);
  const step = stepOf(reach, BARS);
  const counts = Array.from({ length: Math.ceil(reach / step) }, () => [0, 0]);
  times.forEach((each, i) => { counts[Math.max(0, Math.ceil(each / step) - 1)][late[i] ? 1 : 0] += 1; });
  const said = answersInWords(task, times, late, lost, bound);
  const figure = document.createElement("figure");
  const graph = shape("svg", { viewBox: `0 0 ${GRAPH_WIDTH} ${GRAPH_HEIGHT}`, role: "img", "aria-label": `${said} ${barsInWords(counts, step)}` });
  const most = counts.reduce((high, [good, bad]) => Math.max(high, good + bad), 0);
  const used = counts.filter(([good, bad]) => good + bad).length;
  const [xFor, yFor] = [(ns) => (ns / reach) * GRAPH_WIDTH, (count) => (count / (most || 1)) * (GRAPH_HEIGHT - FOOT - 36)];
  const floor = GRAPH_HEIGHT - FOOT;
  graph.append(shape("path", { d: `M0 ${floor}H${GRAPH_WIDTH}`, class: "axis" }));
  const texts = [];
  counts.forEach(([good, bad], place) => {
    const [left, wide] = [xFor(place * step), Math.max(1.5, xFor(step) - 0.6)];
    const bar = (count, from, look) => {
      if (!count) return;
      const tall = Math.max(1, yFor(count));
      const drawn = shape("rect", { x: left, y: floor - yFor(from) - tall, width: wide, height: tall, class: look });
      if (look === "good") drawn.style.fill = colour;
      drawn.append(shape("title", {}, `above ${duration(place * step)}, up to ${duration((place + 1) * step)}: ${count}${look === "late" ? " late" : ""}`));
      graph.append(drawn);
    };
    bar(good, 0, "good");
    bar(bad, good, "late");
    if (good + bad && (good + bad === most || used < 10)) texts.push(shape("text", { x: left + wide / 2, y: floor - yFor(good + bad) - 2, class: "count" }, `${good + bad}`));
  });
  const ends = stepOf(reach, 5);
  for (let at = 0; at <= reach; at += ends) {
    const text = shape("text", { x: xFor(at), y: floor + 14, class: at ? "tick" : "first" }, duration(at));
    if (xFor(at) < GRAPH_WIDTH - 16) graph.append(shape("path", { d: `M${xFor(at)} ${floor}v4`, class: "axis" }), text);
  }
  upright(graph, "deadline", deadline, reach, xFor, 10, floor);
  if (bound?.most) upright(graph, "bound", bound.most, reach, xFor, 22, floor);
  graph.append(...texts);
  figure.append(made("figcaption", said), graph);
  figure.firstChild.prepend(made("b", several ? `${facts.letter} ${name}` : name));
  return figure;
}

/** An upright line with its name; where it lies beyond the picture, an arrow to there. */
function upright(graph, name, at, reach, xFor, level, floor) {
  const beyond = at > reach;
  const x = beyond ? GRAPH_WIDTH : xFor(at);
  const left = beyond || x > GRAPH_WIDTH / 2;
  const text = beyond ? `${name} ${briefly(at)} →` : name;
  if (!beyond) graph.append(shape("path", { d: `M${x} ${level - 9}V${floor}`, class: name }));
  graph.append(shape("text", { x: x + (left ? -3 : 3), y: level, class: left ? "end" : "first" }, text));
}

const briefly = (ns) => duration(Number(ns.toPrecision(4)));

/** What a histogram shows, in a sentence or two. */
function answersInWords(task, times, late, lost, bound) {
  const ordered = Float64Array.from(times).sort();
  const parts = [];
  if (times.length) {
    const middle = ordered[(times.length - 1) >> 1];
    const range = ordered[0] === ordered.at(-1) ? briefly(middle) : `${briefly(ordered[0])} to ${briefly(ordered.at(-1))}, median ${briefly(middle)}`;
    parts.push(`${times.length} finished in ${range}`);
  } else parts.push("none finished");
  const missed = late.filter(Boolean).length;
  if (missed) parts.push(`${missed} late`);
  for (const [outcome, count] of lost) parts.push(`${count} ${outcome}`);
  const { deadline } = facts.tasks[task];
  return ` ${parts.join("; ")}. Deadline ${briefly(deadline)}${bound ? `, ${bound.words}` : ""}.`;
}

/** How many jobs each bar stands for. */
function barsInWords(counts, step) {
  const said = counts.map(([good, bad], place) => (good + bad ? `${good + bad} up to ${duration((place + 1) * step)}` : "")).filter(Boolean);
  return `Jobs by response: ${said.join(", ") || "none"}.`;
}

const SVG = new DOMParser().parseFromString("<svg>", "text/html").querySelector("svg").namespaceURI;

/** An element of a drawing. */
function shape(kind, attributes, text = "") {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}
