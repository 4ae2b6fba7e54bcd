// Jobs: the list, and each one as it gets on.

import {events, get, post} from "./api.js";
import {badge, el, find, say, seconds, short, show, size, time} from "./dom.js";
import {onSubmit, prepare} from "./submit.js";

const EVERY = 3000; // ms between two looks at the list
const STREAMS = 3; // at once: a browser keeps six connections to a host
const FINAL = ["succeeded", "failed", "cancelled"];
const rows = new Map(); // id -> {job, row, ...parts}
const streams = new Map(); // id -> AbortController
let timer, cursor = null, attempt = action => action();

export async function enter(_, tried) {
  attempt = tried;
  clearInterval(timer);
  timer = setInterval(() => document.hidden || attempt(refresh), EVERY);
  if (!rows.size) show(find("job-empty"), "Loading…");
  try { await prepare(); } finally { await refresh(); }
}

export function leave() {
  clearInterval(timer);
  for (const stream of streams.values()) stream.abort();
  streams.clear();
}

async function refresh() {
  const state = find("state").value, page = await get(`/jobs?limit=20${state ? `&state=${state}` : ""}`);
  if (cursor === null || rows.size <= 20) cursor = page.cursor;
  for (const job of page.jobs.toReversed()) update(job, true);
  for (const [id, kept] of rows) if (state && kept.job.state !== state) forget(id);
  find("job-more").hidden = !cursor;
  show(find("job-empty"), rows.size ? "" : state ? `No job is ${state}.` : "No job yet. The form starts one.");
  follow();
}

async function earlier() {
  const state = find("state").value, page = await get(`/jobs?limit=20&cursor=${cursor}${state ? `&state=${state}` : ""}`);
  for (const job of page.jobs) update(job, false);
  cursor = page.cursor;
  find("job-more").hidden = !cursor;
}

function forget(id) {
  rows.get(id).row.remove();
  rows.delete(id);
  streams.get(id)?.abort();
}

/** A stream for each of the first unfinished jobs; the others change with the list. */
function follow() {
  for (const {job} of rows.values()) {
    if (streams.size >= STREAMS) return;
    if (!FINAL.includes(job.state) && !streams.has(job.id)) listen(job.id);
  }
}

async function listen(id) {
  const stop = new AbortController();
  streams.set(id, stop);
  try {
    for await (const job of events(`/jobs/${id}/events`, stop.signal)) if (rows.has(id)) update(job, true);
  } catch { /* the list goes on, and tells of a service that is gone */ }
  streams.delete(id);
}

function update(job, first) {
  const before = rows.get(job.id);
  if (!before) {
    const made = draw(job);
    rows.set(job.id, made);
    find("job-list")[first ? "prepend" : "append"](made.row);
  }
  const kept = rows.get(job.id);
  if (before && (before.job.state !== job.state || before.job.step !== job.step)) say(`${title(job)}: ${[job.state, job.state === "running" && job.step].filter(Boolean).join(", ")}`);
  kept.job = job;
  fill(kept);
}

const title = job => job.name ?? job.request?.recipe ?? job.request?.method ?? steps(job);

function steps(job) {
  const asked = [...(job.request?.steps ?? []), ...(job.request?.student ?? []), ...(job.request?.graph ?? [])];
  return asked.map(step => step.technique).join(", ") || job.kind;
}

function draw(job) {
  const made = {job, state: el("span"), step: el("p", {class: "step"}), when: el("p", {class: "quiet"}),
    bar: el("progress", {max: 1, "aria-label": `Progress of ${title(job)}`}), error: el("p", {class: "notice bad"}),
    log: el("pre", {tabIndex: 0, "aria-label": "Log"}), artifacts: el("ul", {class: "artifacts"}),
    cancel: el("button", {type: "button", class: "plain", click: () => cancel(job.id)}, "Cancel")};
  made.cancel.setAttribute("aria-label", `Cancel ${title(job)}`);
  made.details = el("details", {}, el("summary", {}, "Details"), made.artifacts, made.log,
    el("p", {class: "quiet"}, `job ${job.id}, asked for by ${job.by || "somebody"}`), el("pre", {tabIndex: 0, "aria-label": "Request"}, JSON.stringify(job.request, null, 1)));
  made.row = el("li", {class: "card job", "data-id": job.id}, el("div", {class: "head"}, el("span", {class: "kind"}, job.kind),
    el("h3", {}, title(job)), made.state, made.cancel), made.bar, made.step, made.error, made.when, made.details);
  return made;
}

function fill({job, state, step, when, bar, error, log, artifacts, cancel, row}) {
  row.dataset.state = job.state;
  state.replaceChildren(badge(job.state));
  bar.hidden = FINAL.includes(job.state);
  bar.value = job.progress;
  const per = Math.round(100 * job.progress);
  show(step, job.state === "running" ? `${per} % · ${job.step || "starting"}` : job.state === "queued" ? "waits for a worker" : "");
  show(error, job.error);
  when.replaceChildren("sent ", time(job.created_at), ...(job.started_at ? [` · ran ${seconds(job.started_at, job.finished_at)}`] : []),
    ...(job.result ? [" · artifact ", el("code", {title: job.result}, short(job.result))] : []),
    ...(job.version ? [" · ", el("a", {href: `#models/${encodeURIComponent(job.name)}`}, `${job.name} version ${job.version}`)] : []));
  const lines = job.log || "no log yet";
  if (log.textContent !== lines) log.textContent = lines;
  artifacts.replaceChildren(...(job.artifacts ?? []).map(made => el("li", {}, `${made.step}: ${size(made.bytes)} `, el("code", {title: made.key}, short(made.key)))));
  cancel.hidden = FINAL.includes(job.state);
}

async function cancel(id) {
  await attempt(async () => {
    update(await post(`/jobs/${id}/cancel`), true);
    rows.get(id).row.querySelector("summary").focus(); // the button is gone
  });
}

find("state").addEventListener("change", () => {
  for (const id of [...rows.keys()]) forget(id);
  cursor = null;
  attempt(refresh);
});
find("job-more").addEventListener("click", () => attempt(earlier));
onSubmit(job => {
  if (find("state").value) {
    find("state").value = "";
    cursor = null;
  }
  update(job, true);
  show(find("job-empty"), "");
  follow();
});
