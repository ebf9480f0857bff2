// ---- overview.js: the strip above: load, misses, and the window that the timeline shows. ---------------------------

const strip = byId("overview");
const stripPen = strip.getContext("2d");

/** The share of the used processors that is busy, for each column of pixels. */
function loadsOf(width) {
  const found = new Float64Array(width);
  const perPixel = facts.end / width;
  const add = ({ start, end }, sign) => start.forEach((from, i) => {
    const last = Math.min(width - 1, Math.floor(end[i] / perPixel));
    for (let column = Math.floor(from / perPixel); column <= last; column++)
      found[column] += sign * (Math.min(end[i], (column + 1) * perPixel) - Math.max(from, column * perPixel));
  });
  add(run.slices, 1);
  add(run.waits, -1);
  const most = perPixel * Math.max(1, facts.used.length);
  return found.map((busy) => Math.max(0, Math.min(1, busy / most)));
}

/** The load and the misses of a run, in its part of the strip. */
function drawLoad(top, width, height) {
  if (now.loads?.length !== width) now.loads = loadsOf(width);
  const on = stripPen;
  const head = Math.min(0.6 * rem, height * 0.25); // for the misses
  const foot = top + height;
  on.fillStyle = colours.soft;
  now.loads.forEach((load, x) => on.fillRect(x, foot - load * (height - head), 1, load * (height - head)));
  on.fillStyle = colours.miss;
  let drawn = -1;
  for (const job of misses) {
    const x = Math.min(width - 2, Math.round((missTime(job) / facts.end) * width));
    if (x !== drawn) on.fillRect(x, top, 1.5, head + 2);
    drawn = x;
  }
}

function drawOverview() {
  const [width, height] = fitted(strip, stripPen);
  const on = stripPen;
  on.fillStyle = colours.band;
  on.fillRect(0, 0, width, height);
  const each = height / runs.length;
  ofEach((place) => drawLoad(place * each, width, each));
  const [left, right] = [view.from, view.to].map((time) => Math.max(0, Math.min(width, (time / facts.end) * width)));
  on.fillStyle = `${colours.paper}b0`;
  on.fillRect(0, 0, left, height);
  on.fillRect(right, 0, width - right, height);
  on.strokeStyle = colours.pick;
  on.lineWidth = 2;
  on.strokeRect(left + 1, 1, Math.max(3, right - left - 2), height - 2);
  on.fillStyle = colours.pick;
  for (const x of [left, right - 4]) on.fillRect(Math.max(0, x), height * 0.3, 4, height * 0.4);
  if (several) drawLetters(width, each);
}

/** Drag the window, one of its edges, or jump to where there is none. */
function takeStrip() {
  let grip = null;
  const timeOn = (event) => (event.offsetX / strip.clientWidth) * facts.end;
  strip.addEventListener("pointerdown", (event) => {
    strip.setPointerCapture(event.pointerId);
    const near = (10 / strip.clientWidth) * facts.end;
    const time = timeOn(event);
    const span = view.to - view.from;
    const atEdge = Math.min(near, span / 3);
    if (Math.abs(time - view.from) < atEdge) grip = "from";
    else if (Math.abs(time - view.to) < atEdge) grip = "to";
    else {
      if (time < view.from || time > view.to) look(time - span / 2, time + span / 2);
      grip = timeOn(event) - view.from;
    }
  });
  strip.addEventListener("pointermove", (event) => {
    if (grip === null) return;
    const time = timeOn(event);
    if (grip === "from") look(Math.min(time, view.to - SHORTEST), view.to);
    else if (grip === "to") look(view.from, Math.max(time, view.from + SHORTEST));
    else look(time - grip, time - grip + (view.to - view.from));
  });
  for (const name of ["pointerup", "pointercancel"]) strip.addEventListener(name, () => { grip = null; });
}
