// ---- hands.js: mouse, fingers and keys. -----------------------------------------------------------------------------

const frame = byId("frame");
let events = null; // the instants at which anything happened, made when they are first asked for

/** What lies under a point of the timeline: the row, the job, and the slice where there is one. */
function under(x, y) {
  const found = { row: null, job: -1, slice: -1 };
  if (y < axisHeight() || x < gutter) return found;
  const place = y + frame.scrollTop;
  found.row = rows.find((row) => place >= row.top && place < row.top + row.height) ?? null;
  if (!found.row?.own) return found;
  inRun(found.row.run, () => nearest(found, x, place));
  return found;
}

/** The slice and the job of a row that are nearest to a point. */
function nearest(found, x, place) {
  const [time, slack] = [timeAt(x), 3 / perNs()];
  let best = Infinity;
  const [first, last] = found.row.own.within(time - slack, time + slack);
  for (let i = first; i < last; i++) {
    const away = Math.max(found.row.own.start[i] - time, time - found.row.own.end[i], 0);
    const [top, high] = found.row.box ? found.row.box(i, found.row.top) : laneOf(found.row, found.row.top, found.row.lane[i]);
    const beside = Math.max(top - place, place - top - high, 0) / perNs();
    if (away <= slack && away + beside < best) {
      best = away + beside;
      found.slice = found.row.own.ids[i];
    }
  }
  if (found.slice >= 0) found.job = (found.row.table ?? run.slices).job[found.slice];
  else if (found.row.jobs) found.job = jobAround(found.row, time, slack);
}

/** The job of a task's row that is in the system at an instant, or whose deadline is marked there. */
function jobAround(row, time, slack) {
  const [first, last] = row.jobs.within(time - slack, time + slack);
  for (let i = last - 1; i >= first; i--) {
    const job = row.jobs.ids[i];
    if (time >= run.jobs.release[job] - slack && time <= overTime(job) + slack) return job;
    if (Math.abs(missTime(job) - time) <= 2 * slack) return job;
  }
  return -1;
}

function tell(event) {
  const tip = byId("tip");
  const found = view.pointer ? under(view.pointer.x, view.pointer.y) : { job: -1, row: null };
  let text = "";
  if (found.job >= 0)
    text = inRun(found.row.run, () => [jobName(found.job), ...factsOf(found.job).map(([name, value]) => `${name}: ${value}`), ...alsoTold(found)].join("\n"));
  else if (view.pointer && view.pointer.x < gutter) text = rows.find((row) => view.pointer.y + frame.scrollTop >= row.top && view.pointer.y + frame.scrollTop < row.top + row.height)?.name ?? "";
  else if (found.row?.kind === "counter") {
    const at = above(found.row.time, timeAt(view.pointer.x)) - 1;
    if (at >= 0) text = `${found.row.name}: ${trimmed(found.row.value[at], 3)} ${found.row.unit}`;
  }
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const left = event.clientX + 16 + tip.offsetWidth > innerWidth ? event.clientX - 16 - tip.offsetWidth : event.clientX + 16;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 16, innerHeight - tip.offsetHeight - 8))}px`;
}

/** What a row knows of a place beside the facts of the job there. */
function alsoTold({ row, slice, job }) {
  if (row.say) return [row.say(slice)];
  const time = timeAt(view.pointer.x);
  const [first, last] = row.blocked?.within(time, time) ?? [0, 0];
  const here = [...(row.blocked?.ids ?? [])].slice(first, last).filter((wait) => run.awaits.job[wait] === job && run.awaits.end[wait] > time);
  return here.map((wait) => blockedBy(wait)[0]);
}

/** The next event that is near enough to be meant, else the instant itself, as exactly as a pixel says it. */
function snapped(time) {
  const near = 10 / perNs();
  const all = instants();
  const at = above(all, time);
  const close = [all[at - 1], all[at]].filter((each) => Math.abs(each - time) < near);
  close.sort((one, other) => Math.abs(one - time) - Math.abs(other - time));
  const unit = Math.max(1, 10 ** Math.floor(Math.log10(1 / perNs()))); // no finer than a pixel
  return close[0] ?? Math.round(time / unit) * unit;
}

function measure(time) {
  view.measured = view.measured.length === 1 ? [view.measured[0], time].sort((one, other) => one - other) : view.measured.length ? [] : [time];
  const [from, to] = view.measured;
  say(to !== undefined ? `${duration(to - from)} from ${duration(from)} to ${duration(to)}` : from !== undefined ? `from ${duration(from)}; click again to measure` : "");
  redraw();
}

function say(text) {
  byId("said").textContent = text;
}

function instants() {
  if (!events) {
    const all = ofEach(() => [...["start", "end"].map((name) => run.slices[name]), run.jobs.release, run.jobs.deadline, run.jobs.finish]).flat();
    const joined = new Float64Array(all.reduce((sum, column) => sum + column.length, 0));
    let at = 0;
    for (const column of all) { joined.set(column, at); at += column.length; }
    joined.sort();
    events = joined.filter((time, i) => time >= 0 && time <= facts.end && time !== joined[i - 1]);
  }
  return events;
}

/** Go to the next event, or the one before, and say who runs and who waits. */
function step(way) {
  const all = instants();
  const now = view.cursor ?? view.from;
  const after = above(all, now);
  const place = way > 0 ? after : (all[after - 1] === now ? after - 2 : after - 1);
  view.cursor = all[Math.max(0, Math.min(all.length - 1, place))] ?? 0;
  if (view.cursor < view.from || view.cursor > view.to) show(view.cursor, view.cursor);
  const said = ofEach(() => (several ? `${facts.letter} ` : "") + standing(view.cursor));
  say(`${duration(view.cursor)}: ${said.join(" | ")}`);
  redraw();
}

/** The misses to go through, of all runs or of one: a job that missed in several is one of them. */
function stops() {
  if (view.stops?.of === view.of) return view.stops;
  const found = new Map();
  ofEach((place) => {
    if (view.of !== "any" && view.of !== facts.letter) return;
    for (const job of misses) {
      const [key, time] = [keyOfJob(job), missTime(job)];
      if (!(found.get(key)?.time <= time)) found.set(key, { place, job, key, time });
    }
  });
  view.stops = [...found.values()].sort((one, other) => one.time - other.time || one.key - other.key);
  view.stops.of = view.of;
  return view.stops;
}

function goToMiss(way) {
  const all = stops();
  if (!all.length) return say("no job missed");
  const here = view.job >= 0 ? missTime(view.job) : way > 0 ? view.from - 1 : view.to + 1;
  const key = chosenKey();
  let next = all.findIndex((each) => each.key === key);
  if (next >= 0) next += way;
  else {
    const after = all.findIndex((each) => each.time > here);
    next = way > 0 ? (after < 0 ? all.length : after) : (after < 0 ? all.length : after) - 1;
  }
  if (next < 0 || next >= all.length) return say(way > 0 ? "that was the last miss" : "that was the first miss");
  use(all[next].place);
  choose(all[next].job, true);
  scrollTo(view.job);
  return say(`miss ${next + 1} of ${all.length}: ${jobName(view.job)}${several ? `: ${faredEach()}` : ""}`);
}

/** Bring the row of a job into sight. */
function scrollTo(job) {
  const row = rows.find((each) => each.kind === "task" && each.run === now.place && each.index === run.jobs.task[job]);
  if (!row) return;
  const top = row.top - axisHeight();
  if (top < frame.scrollTop) frame.scrollTop = top;
  else if (row.top + row.height > frame.scrollTop + frame.clientHeight) frame.scrollTop = row.top + row.height - frame.clientHeight;
}

/** The job of the same task before or after the chosen one. */
function neighbour(way) {
  if (view.job < 0) return;
  const next = jobCalled(`${taskOf(view.job).name}[${run.jobs.index[view.job] + way}]`);
  if (next >= 0) choose(next, true);
}

const keys = {
  "+": () => zoom(0.7, pointed()), "=": () => zoom(0.7, pointed()), "-": () => zoom(1 / 0.7, pointed()),
  ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), 0: whole, Home: whole,
  n: () => goToMiss(1), p: () => goToMiss(-1), ",": () => neighbour(-1), ".": () => neighbour(1),
  " ": (event) => step(event.shiftKey ? -1 : 1),
  Escape: () => { view.measured = []; view.cursor = null; say(""); choose(-1); },
};
const pointed = () => (view.pointer && view.pointer.x > gutter ? timeAt(view.pointer.x) : undefined);

function takeKeys() {
  addEventListener("keydown", (event) => {
    const inside = event.target.closest?.("input, select, textarea, summary") || (event.key === " " && event.target.closest?.("button"));
    if (inside || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key](event);
  });
}

/** Drag and pinch: all fingers (or the mouse) that are down, where they were and what they saw then. */
function takeTimeline() {
  const down = new Map();
  let begun = null;
  const begin = () => {
    const places = [...down.values()];
    begun = { places, from: view.from, to: view.to, moved: begun?.moved ?? false, scrolled: frame.scrollTop };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (down.size === 1) begun = null;
    begin();
  });
  canvas.addEventListener("pointermove", (event) => {
    view.pointer = { x: event.offsetX, y: event.offsetY };
    if (down.has(event.pointerId)) {
      down.set(event.pointerId, view.pointer);
      move([...down.values()], begun);
      byId("tip").hidden = begun.moved;
    }
    if (!begun?.moved || !down.size) tell(event);
    redraw();
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, (event) => {
      const clicked = name === "pointerup" && down.size === 1 && begun && !begun.moved;
      down.delete(event.pointerId);
      canvas.classList.remove("dragged");
      if (down.size) begin();
      if (clicked) click(event.offsetX, event.offsetY);
    });
  canvas.addEventListener("pointerleave", () => { view.pointer = null; byId("tip").hidden = true; redraw(); });
  frame.addEventListener("scroll", redraw);
  canvas.addEventListener("wheel", (event) => {
    if (event.shiftKey) return; // scrolls the rows
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX / plotWidth());
    else zoom(1.0015 ** (event.deltaY * (event.deltaMode ? 30 : 1)), timeAt(Math.max(gutter, event.offsetX)));
  }, { passive: false });
}

function move(places, begun) {
  const [one, other] = begun.places;
  if (Math.abs(places[0].x - one.x) + Math.abs(places[0].y - one.y) > 4) begun.moved = true;
  if (!begun.moved && !other) return;
  canvas.classList.add("dragged");
  const perPixel = (begun.to - begun.from) / plotWidth();
  if (!other) {
    look(begun.from - (places[0].x - one.x) * perPixel, begun.to - (places[0].x - one.x) * perPixel);
    frame.scrollTop = begun.scrolled - (places[0].y - one.y);
    return;
  }
  begun.moved = true;
  const apart = Math.max(20, Math.abs(places[1].x - places[0].x));
  const span = (begun.to - begun.from) * Math.max(20, Math.abs(other.x - one.x)) / apart;
  const held = begun.from + ((one.x + other.x) / 2 - gutter) * perPixel;
  const share = ((places[0].x + places[1].x) / 2 - gutter) / plotWidth();
  look(held - share * span, held + (1 - share) * span);
}

function click(x, y) {
  frame.focus({ preventScroll: true });
  const found = under(x, y);
  if (found.job >= 0) {
    const again = found.row.run === now.place && found.job === view.job;
    use(found.row.run);
    choose(again ? -1 : found.job);
  } else if (x > gutter) measure(snapped(timeAt(x)));
}
