// ---- start.js: everything is put together. --------------------------------------------------------------------------

function takeTools() {
  const on = (id, what, name = "click") => byId(id).addEventListener(name, what);
  on("whole", whole);
  on("closer", () => zoom(0.5));
  on("wider", () => zoom(2));
  on("before", () => goToMiss(-1));
  on("after", () => goToMiss(1));
  on("look", (event) => setLook(event.target.value), "change");
  on("kind", (event) => { view.kind = event.target.value; arrange(); remember(); }, "change");
  on("order", (event) => { view.order = event.target.value; arrange(); remember(); }, "change");
  on("filter", (event) => {
    view.words = event.target.value;
    const job = jobCalled(view.words);
    if (job >= 0) choose(job, true);
    arrange();
    remember();
  }, "input");
  on("which", sortJobs, "input");
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["before", "after"]) byId(id).disabled = !misses.length;
}

/** Only what this run has is there to be chosen. */
function offerRows() {
  const has = { node: facts.tasks.some((task) => task.nodes.length), chain: run.ways, sm: facts.devices.length };
  for (const option of [...byId("kind").options]) if (option.value in has && !has[option.value]) option.remove();
  const blocks = byId("kind").querySelector("[value=sm]");
  if (blocks && facts["too many waves"]) [blocks.disabled, blocks.textContent] = [true, "GPU blocks: too many; a shorter run shows them"];
  byId("order").parentElement.hidden = !facts.order;
}

function writeHead() {
  const title = byId("title");
  title.append(made("bdi", facts.system), " ", made("small", `under ${facts.scheduler}`));
  const part = facts.planned === null ? "" : `Interrupted: a part of ${duration(facts.planned)}. `;
  byId("headline").textContent = `${part}${facts.headline} Jobs released for ${duration(facts.until)}, seed ${facts.seed}.`;
  byId("figures").textContent = facts.text;
  byId("system").hidden = facts.given === null;
  byId("given").textContent = facts.given ?? "";
}

async function start() {
  await unpack();
  for (let job = 0; job < run.jobs.task.length; job++) if (isMiss(job)) misses.push(job);
  misses.sort((one, other) => missTime(one) - missTime(other) || one - other);
  makeRows();
  writeHead();
  offerRows();
  showTasks();
  showHistograms();
  sortJobs();
  takeTools();
  takeStrip();
  takeTimeline();
  takeKeys();
  recall();
  addEventListener("hashchange", recall);
  addEventListener("resize", () => { forgetColours(); arrange(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setLook(view.look));
  document.documentElement.dataset.ready = "yes";
}

start();
