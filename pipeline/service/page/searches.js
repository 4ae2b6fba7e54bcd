// Finished searches: the front as a picture and as a table, the knee with its reason, each trial's recipe.

import {get} from "./api.js";
import {caption, chart, kindOf, shown, sign, steps, withUnit} from "./chart.js";
import {el, find, say, show, short, svg} from "./dom.js";

let found = null, wide = 0;
const WORDS = {knee: "knee: recommended", front: "on the front", behind: "behind it", missed: "misses a constraint"};

export async function enter(study) {
  if (!find("search").childElementCount) show(find("search-empty"), "Loading…");
  const studies = await get("/searches");
  show(find("search-empty"), studies.length ? "" : "No search has finished. edge search writes one to reports/search.");
  find("study-label").hidden = !studies.length;
  find("study").replaceChildren(...studies.map(one => el("option", {value: one.study}, `${one.study} · ${one.on_front} of ${one.trials} trials on the front`)));
  if (!studies.length) return find("search").replaceChildren();
  find("study").value = studies.some(one => one.study === study) ? study : studies[0].study;
  draw(await get(`/searches/${encodeURIComponent(find("study").value)}`));
}

find("study").addEventListener("change", () => { location.hash = `searches/${encodeURIComponent(find("study").value)}`; });

function draw(content) {
  found = shown(content);
  const axes = found.objectives, box = el("div", {class: "chart"}), chosen = el("div", {class: "chosen", id: "chosen"});
  const select = (text, at) => el("select", {"aria-label": text}, ...axes.map((one, place) => el("option", {value: place, selected: place === at}, caption(one))));
  const x = select("across", Math.min(1, axes.length - 1)), y = select("up", 0);
  const again = () => found.points.length && chart(box, found, axes[x.value], axes[y.value], point => choose(chosen, point));
  for (const one of [x, y]) one.addEventListener("change", again);
  find("search").replaceChildren(
    el("p", {class: "knee-says"}, found.knee ? el("b", {}, "Recommended: ") : "", found.knee ? found.knee.reason : "No trial meets every constraint: search longer, or loosen one."),
    el("p", {class: "quiet"}, `profile ${found.profile} · ${found.trials} trials in ${Math.round(found.seconds)} s · ${found.points.length} finished`),
    el("div", {class: "card"}, el("div", {class: "bar"}, el("label", {}, "Up ", y), el("label", {}, "Across ", x), legend()), box),
    chosen, table());
  again();
  const knee = found.points.find(point => point.trial === found.knee?.trial);
  if (knee) choose(chosen, knee, false);
  new ResizeObserver(() => { if (box.clientWidth !== wide) { wide = box.clientWidth; again(); } }).observe(box);
}

function legend() {
  const kinds = [...new Set(found.points.map(point => kindOf(point, found)))];
  const entry = (picture, text) => el("li", {}, svg("svg", {width: 22, height: 20, viewBox: "-11 -10 22 20", "aria-hidden": "true"}, picture), text);
  return el("ul", {class: "legend"}, ...Object.keys(WORDS).filter(kind => kinds.includes(kind)).map(kind => entry(sign(kind), WORDS[kind])),
    entry(svg("rect", {class: "shade", x: -10, y: -7, width: 20, height: 14}), "target missed"));
}

function choose(box, point, aloud = true) {
  box.replaceChildren(el("h3", {}, `Trial ${point.trial}: ${WORDS[kindOf(point, found)]}`), el("pre", {tabIndex: 0, "aria-label": `Recipe of trial ${point.trial}`}, point.recipe));
  if (aloud) say(`Trial ${point.trial} is chosen; its recipe is below the picture`);
}

function table() {
  const axes = found.objectives, rows = found.points.filter(point => point.on_front).toSorted((one, other) => one.values[axes[0].name] - other.values[axes[0].name]);
  const head = ["Trial", ...axes.map(caption), "Recipe", "Artifact"].map(title => el("th", {scope: "col"}, title));
  const line = point => el("tr", {class: kindOf(point, found)}, el("td", {}, `${point.trial}${point.trial === found.knee?.trial ? " ◆ knee" : ""}`),
    ...axes.map(one => el("td", {class: "number"}, withUnit(point.values[one.name], one))), el("td", {class: "recipe"}, steps(point.recipe)), el("td", {}, el("code", {title: point.key}, short(point.key))));
  return el("div", {class: "wide", tabIndex: 0, role: "group", "aria-label": "The front as a table"}, el("table", {}, el("caption", {}, "The front"), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows.map(line))));
}
