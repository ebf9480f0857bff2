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
  on("by", (event) => { view.by = event.target.value; arrange(); remember(); }, "change");
  on("filter", (event) => {
    view.words = event.target.value;
    const [place, job] = placeOf(view.words);
    if (job >= 0) {
      use(place);
      choose(job, true);
    }
    arrange();
    remember();
  }, "input");
  on("which", sortJobs, "input");
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["before", "after"]) byId(id).disabled = !stops().length;
  if (several) takePolicies(on);
}

/** Only what this run has is there to be chosen. */
function offerRows() {
  const any = (ask) => ofEach(ask).some(Boolean);
  const has = { node: facts.tasks.some((task) => task.nodes.length), chain: any(() => run.ways), sm: facts.devices.length };
  for (const option of [...byId("kind").options]) if (option.value in has && !has[option.value]) option.remove();
  const blocks = byId("kind").querySelector("[value=sm]");
  if (blocks && any(() => facts["too many waves"])) [blocks.disabled, blocks.textContent] = [true, "GPU blocks: too many; a shorter run shows them"];
  byId("by").parentElement.hidden = !any(() => facts.order);
}

function writeHead() {
  if (several) return writeHeadOfSeveral();
  const title = byId("title");
  title.append(made("bdi", facts.system), " ", made("small", `under ${facts.scheduler}`));
  const part = facts.planned === null ? "" : `Interrupted: a part of ${duration(facts.planned)}. `;
  byId("headline").textContent = `${part}${facts.headline} Jobs released for ${duration(facts.until)}, seed ${facts.seed}.`;
  byId("figures").textContent = facts.text;
  return writeGiven();
}

function findMisses() {
  for (let job = 0; job < run.jobs.task.length; job++) if (isMiss(job)) misses.push(job);
  misses.sort((one, other) => missTime(one) - missTime(other) || one - other);
}

function writeGiven() {
  byId("calculation").hidden = !facts.proof?.steps;
  byId("steps").textContent = facts.proof?.steps ?? "";
  byId("system").hidden = given.given === null;
  byId("given").textContent = given.given ?? "";
}

async function start() {
  await unpack();
  ofEach(findMisses);
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
