// Registered models: versions with what was measured of them, promotion, roll back, and who did what.

import {get, post} from "./api.js";
import {confirmed} from "./confirm.js";
import {badge, el, figure, find, say, short, show, time} from "./dom.js";

let attempt = action => action();
const path = name => `/models/${encodeURIComponent(name)}`;

export async function enter(name, tried) {
  attempt = tried;
  if (!find("model-list").childElementCount) show(find("model-empty"), "Loading…");
  const found = await get("/models");
  show(find("model-empty"), found.length ? "" : "No model is registered. A job with a name registers its result, and so does edge registry add.");
  const open = new Set([...document.querySelectorAll("#model-list details[open]")].map(one => one.dataset.of));
  find("model-list").replaceChildren(...found.map(model => draw(model, model.name === name, open)));
  document.querySelector("#model-list .wanted")?.scrollIntoView({block: "start"});
}

const bearer = (model, alias) => model.versions.find(version => version.aliases.includes(alias));

function draw(model, wanted, open) {
  const champion = bearer(model, "champion");
  const aliases = ["champion", "challenger"].filter(alias => bearer(model, alias));
  return el("article", {class: `card model${wanted ? " wanted" : ""}`, "data-name": model.name},
    el("div", {class: "head"}, el("h3", {}, model.name), el("span", {class: "quiet"}, champion ? `champion: version ${champion.version}` : "no champion yet"),
      ...aliases.map(alias => el("button", {type: "button", class: "plain", "data-alias": alias, click: () => rollBack(model, alias)}, `Roll back ${alias}`))),
    el("ul", {class: "versions"}, ...model.versions.map(version => row(model, version, open))),
    audit(model, open));
}

function row(model, version, open) {
  const {lineage} = version, verdicts = Object.entries(lineage.verdicts ?? {});
  const promote = ["champion", "challenger"].filter(alias => !version.aliases.includes(alias)).map(alias =>
    el("button", {type: "button", class: "plain", "data-alias": alias, click: () => deploy(model, version, alias)}, `Make ${alias}`));
  for (const button of promote) button.setAttribute("aria-label", `${button.textContent}: ${model.name} version ${version.version}`);
  return el("li", {class: "version", "data-version": version.version},
    el("div", {class: "head"}, el("h4", {}, `Version ${version.version}`), ...version.aliases.map(alias => badge(alias)),
      el("span", {class: "verdicts"}, ...counted(verdicts)), el("span", {class: "buttons"}, ...promote)),
    el("p", {class: "quiet"}, time(version.created), " · ", el("code", {title: version.key}, short(version.key) || "no key"), lineage.profile ? ` · profile ${lineage.profile}` : ""),
    el("details", {"data-of": `${model.name} ${version.version}`, open: open.has(`${model.name} ${version.version}`)},
      el("summary", {}, "Verdicts and lineage"), verdictTable(verdicts, lineage.metrics ?? {}), ancestry(lineage)));
}

/** How many verdicts there are of each kind. */
function counted(verdicts) {
  if (!verdicts.length) return [badge("none", "not measured")];
  const kinds = new Map();
  for (const [, verdict] of verdicts) kinds.set(word(verdict), (kinds.get(word(verdict)) ?? 0) + 1);
  return [...kinds].map(([kind, count]) => badge(kind, `${count} ${kind}`));
}

const word = verdict => String(verdict?.state ?? verdict);

function verdictTable(verdicts, metrics) {
  if (!verdicts.length) return el("p", {class: "quiet"}, "No run measured this version, so it cannot be promoted: edge registry add --record takes one.");
  return el("div", {class: "wide", tabIndex: 0, role: "group", "aria-label": "Verdicts"}, el("table", {}, head("Claim", "Value", "Verdict"), el("tbody", {}, ...verdicts.map(([claim, verdict]) =>
    el("tr", {}, el("td", {}, claim), el("td", {class: "number"}, figure(metrics[claim])), el("td", {}, badge(word(verdict))))))));
}

const head = (...titles) => el("thead", {}, el("tr", {}, ...titles.map(title => el("th", {scope: "col"}, title))));

function ancestry(lineage) {
  const plain = Object.entries(lineage).filter(([name, value]) => value && typeof value === "string" && name !== "recipe");
  return el("div", {class: "lineage"}, el("dl", {}, ...plain.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, el("code", {}, value))])),
    lineage.recipe ? el("pre", {tabIndex: 0, "aria-label": "Recipe"}, typeof lineage.recipe === "string" ? lineage.recipe : JSON.stringify(lineage.recipe, null, 1)) : null);
}

function audit(model, open) {
  const inside = el("div", {}), details = el("details", {"data-of": model.name}, el("summary", {}, "Audit: who did what"), inside);
  details.addEventListener("toggle", () => details.open && attempt(async () => {
    const changes = await get(`${path(model.name)}/audit`);
    inside.replaceChildren(el("div", {class: "wide", tabIndex: 0, role: "group", "aria-label": "Audit"}, el("table", {}, head("When", "Who", "What", "Version", "Alias"), el("tbody", {}, ...changes.toReversed().map(line)))));
  }));
  details.open = open.has(model.name);
  return details;
}

function line({at, by, what, detail}) {
  return el("tr", {}, el("td", {}, time(at)), el("td", {}, by), el("td", {}, what), el("td", {class: "number"}, String(detail?.version ?? "")), el("td", {}, detail?.alias ?? ""));
}

async function deploy(model, version, alias) {
  const now = bearer(model, alias), text = now ? `It takes the place of version ${now.version}; one can roll back.` : `There is no ${alias} yet.`;
  const done = await confirmed(`Make ${model.name} version ${version.version} the ${alias}?`, text, `Make ${alias}`,
    () => post(`${path(model.name)}/deploy`, {version: version.version, alias}));
  await after(done, model.name, `${model.name} version ${version.version} is ${alias}`);
}

async function rollBack(model, alias) {
  const done = await confirmed(`Roll back the ${alias} of ${model.name}?`, `Version ${bearer(model, alias).version} gives way to the ${alias} before it.`, "Roll back",
    () => post(`${path(model.name)}/rollback`, {alias}));
  await after(done, model.name, `The ${alias} of ${model.name} is rolled back`);
}

/** What changed is drawn anew, and the focus stays near. */
async function after(done, name, text) {
  if (!done) return;
  await attempt(() => enter("", attempt));
  say(text);
  const card = [...document.querySelectorAll("#model-list .model")].find(one => one.dataset.name === name);
  (card?.querySelector("button") ?? find("models-title")).focus();
}
