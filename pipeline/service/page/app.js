// Which view is shown, the token, the theme, and whether the service lives.

import {health, token} from "./api.js";
import {find, show} from "./dom.js";
import * as jobs from "./jobs.js";
import * as models from "./models.js";
import * as searches from "./searches.js";

const VIEWS = {jobs, models, searches};
const EVERY = 10_000; // ms between two looks at the service's health
let shown = "";

async function open() {
  const [name, ...rest] = location.hash.slice(1).split("/").map(decoded);
  if (name === "main") return find("main").focus();
  const view = name in VIEWS ? name : "jobs";
  if (view !== shown) VIEWS[shown]?.leave?.();
  shown = view;
  for (const other of Object.keys(VIEWS)) find(other).hidden = other !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  await attempt(() => VIEWS[view].enter(rest.join("/"), attempt));
}

function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

/** Do it, and say what went wrong: without a good token ask for one. */
async function attempt(action) {
  try {
    const done = await action();
    show(find("trouble"), "");
    return done;
  } catch (error) {
    show(find("trouble"), error.message);
    if (error.code === 401) askToken();
    return undefined;
  }
}

function askToken() {
  if (document.querySelector("dialog[open]")) return;
  find("token").value = token.get();
  find("token-dialog").showModal();
}

find("token-open").addEventListener("click", askToken);
find("token-forget").addEventListener("click", () => find("token-dialog").close("forget"));
find("token-dialog").addEventListener("close", () => {
  const {returnValue} = find("token-dialog");
  find("token-dialog").returnValue = "";
  if (returnValue === "keep") token.set(find("token").value.trim());
  if (returnValue === "forget") token.set("");
  find("token").value = "";
  if (returnValue) open();
});

const dark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  return (document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
}

function nameTheme() {
  find("theme").textContent = isDark() ? "Light" : "Dark";
  find("theme").setAttribute("aria-label", `Change to the ${isDark() ? "light" : "dark"} theme`);
}

find("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("theme", document.documentElement.dataset.theme); } catch { /* for this page, then */ }
  nameTheme();
});
dark.addEventListener("change", nameTheme);

async function look() {
  let text = "✕ not answering", kind = "bad";
  try {
    const {workers} = await health();
    text = workers ? `✓ ${workers} worker${workers === 1 ? "" : "s"}` : "! no worker: jobs wait";
    kind = workers ? "good" : "warn";
  } catch (error) {
    if (error.code) text = "✕ no database";
  }
  if (find("health").textContent !== text) find("health").textContent = text;
  find("health").className = `health ${kind}`;
}

nameTheme();
look();
setInterval(() => document.hidden || look(), EVERY);
addEventListener("hashchange", open);
open();
