// A search's trials as a scatter: front, knee, what misses a constraint; each point can be reached with mouse and keyboard.

import {el, figure, svg} from "./dom.js";

const PAD = {left: 62, right: 22, top: 18, bottom: 50}, HEIGHT = 400;

const SUFFIX = {proportion: "%", ratio: "×", count: "", logits: ""}; // as in the reports
const PERCENT = ["proportion", "points"];

/** compression.accuracy_loss -> accuracy loss. */
export const caption = objective => objective.caption ?? objective.name.split(".").pop().replaceAll("_", " ");
export const withUnit = (value, {unit}) => `${figure(value)} ${unit}`.trim();

/** A front.json as it is shown: shares in per cent. */
export function shown(content) {
  const factor = Object.fromEntries(content.objectives.map(one => [one.name, PERCENT.includes(one.unit) ? 100 : 1]));
  const objectives = content.objectives.map(one => ({...one, unit: SUFFIX[one.unit] ?? one.unit, target: one.target === null ? null : one.target * factor[one.name]}));
  const points = content.points.map(point => ({...point, values: Object.fromEntries(Object.entries(point.values).map(([name, value]) => [name, value * (factor[name] ?? 1)]))}));
  return {...content, objectives, points};
}

/** The trials of `found` by two of its objectives, into `box`; `chosen` is told the point that was pressed. */
export function chart(box, found, x, y, chosen) {
  const width = Math.max(280, box.clientWidth), points = found.points.filter(point => isFinite(point.values[x.name]) && isFinite(point.values[y.name]));
  const across = scale(points.map(point => point.values[x.name]), x.target, PAD.left, width - PAD.right, width < 500 ? 4 : 7);
  const up = scale(points.map(point => point.values[y.name]), y.target, HEIGHT - PAD.bottom, PAD.top, 6);
  const tip = el("div", {class: "tip", role: "tooltip", id: "tip", hidden: true});
  const picture = svg("svg", {width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "group", "aria-label":
    `Trials by ${caption(x)} and ${caption(y)}; the arrow keys go from one to the next, Enter chooses one`});
  picture.append(hatching(), ...shades(x, y, across, up), ...axes(x, y, across, up), stairs(points, x, y, across, up));
  const marks = points.toSorted((one, other) => rank(one, found) - rank(other, found)).map(point => mark(point, found, across.at(point.values[x.name]), up.at(point.values[y.name])));
  picture.append(...marks.map(one => one.group), ...targets(x, y, across, up));
  box.replaceChildren(picture, tip);
  move(picture, tip, marks, found, chosen);
}

// Those on the front are drawn last, and so lie above the others.
const rank = (point, found) => (point.trial === found.knee?.trial ? 3 : point.on_front ? 2 : point.feasible ? 1 : 0);

function scale(values, target, from, to, ticks) {
  let low = Math.min(...values), high = Math.max(...values);
  const span = high - low || Math.abs(high) || 1;
  if (typeof target === "number" && target > low - span && target < high + span) [low, high] = [Math.min(low, target), Math.max(high, target)];
  const room = (high - low || span) * 0.08;
  [low, high] = [low - room, high + room];
  const at = value => from + (to - from) * (value - low) / (high - low);
  return {at, low, high, from, to, ticks: round(low, high, ticks)};
}

/** Some round numbers between two. */
function round(low, high, count) {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find(one => one * power >= raw) * power;
  const found = [];
  for (let value = Math.ceil(low / step); value * step <= high; value++) found.push(Number((value * step).toPrecision(6)));
  return found;
}

function hatching() {
  return svg("defs", {}, svg("pattern", {id: "hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
    svg("line", {class: "hatch", x1: 0, y1: 0, x2: 0, y2: 8})));
}

const wants = (objective, scale) => typeof objective.target === "number" && objective.target > scale.low && objective.target < scale.high;

/** Where a constraint is missed. */
function shades(x, y, across, up) {
  const found = [];
  const add = (from, to, top, bottom) => found.push(...["shade", "hatched"].map(kind => svg("rect", {class: kind, x: from, y: top, width: to - from, height: bottom - top})));
  if (wants(x, across)) add(...(x.direction === "minimize" ? [across.at(x.target), across.to] : [across.from, across.at(x.target)]), up.to, up.from);
  if (wants(y, up)) add(across.from, across.to, ...(y.direction === "minimize" ? [up.to, up.at(y.target)] : [up.at(y.target), up.from]));
  return found;
}

function targets(x, y, across, up) {
  const found = [];
  const text = objective => `${objective.direction === "minimize" ? "<" : ">"} ${withUnit(objective.target, objective)}`;
  if (wants(x, across)) {
    const at = across.at(x.target), left = at > (across.from + across.to) / 2;
    found.push(svg("line", {class: "target", x1: at, x2: at, y1: up.to, y2: up.from}),
      svg("text", {class: "label", x: at + (left ? -6 : 6), y: up.from - 8, "text-anchor": left ? "end" : "start"}, text(x)));
  }
  if (wants(y, up)) {
    const at = up.at(y.target);
    found.push(svg("line", {class: "target", x1: across.from, x2: across.to, y1: at, y2: at}), svg("text", {class: "label", x: across.from + 6, y: at - 6}, text(y)));
  }
  return found;
}

function axes(x, y, across, up) {
  const found = [svg("path", {class: "axis", d: `M${across.from} ${up.to}V${up.from}H${across.to}`})];
  for (const tick of across.ticks) found.push(svg("text", {class: "tick", x: across.at(tick), y: up.from + 18, "text-anchor": "middle"}, String(tick)));
  for (const tick of up.ticks) {
    found.push(svg("line", {class: "grid", x1: across.from, x2: across.to, y1: up.at(tick), y2: up.at(tick)}),
      svg("text", {class: "tick", x: across.from - 8, y: up.at(tick) + 4, "text-anchor": "end"}, String(tick)));
  }
  const middle = (up.from + up.to) / 2;
  found.push(svg("text", {class: "name", x: (across.from + across.to) / 2, y: up.from + 40, "text-anchor": "middle"}, named(x)),
    svg("text", {class: "name", x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})`}, named(y)));
  return found;
}

const named = objective => `${caption(objective)}${objective.unit ? ` (${objective.unit})` : ""} ${objective.direction === "minimize" ? "↓" : "↑"}`;

/** The front of these two objectives alone, as what it encloses. */
function stairs(points, x, y, across, up) {
  const cost = (point, one) => (one.direction === "minimize" ? 1 : -1) * point.values[one.name];
  const sorted = points.filter(point => point.feasible).toSorted((one, other) => cost(one, x) - cost(other, x) || cost(one, y) - cost(other, y));
  let best = Infinity, path = "";
  for (const point of sorted) {
    if (cost(point, y) >= best) continue;
    best = cost(point, y);
    const place = [across.at(point.values[x.name]), up.at(point.values[y.name])];
    path += path ? `H${place[0]}V${place[1]}` : `M${place.join(" ")}`;
  }
  return svg("path", {class: "stairs", d: path});
}

const CROSS = "M-4-4L4 4M-4 4L4-4", KNEE = "M0-9L9 0L0 9L-9 0Z";

/** The sign of a kind of point, also for the legend. */
export function sign(kind) {
  if (kind === "knee") return svg("path", {class: "knee", d: KNEE});
  return kind === "missed" ? svg("path", {class: "missed", d: CROSS}) : svg("circle", {class: kind, r: kind === "front" ? 6 : 4.5});
}

export const kindOf = (point, found) => (point.trial === found.knee?.trial ? "knee" : point.on_front ? "front" : point.feasible ? "behind" : "missed");
const SAYS = {knee: "the knee, recommended", front: "on the front", behind: "behind the front", missed: "misses a constraint"};

function mark(point, found, left, top) {
  const kind = kindOf(point, found), values = found.objectives.map(one => `${caption(one)} ${withUnit(point.values[one.name], one)}`);
  const group = svg("g", {class: "point", transform: `translate(${left} ${top})`, tabindex: -1, role: "button", "data-trial": point.trial,
    "aria-label": `trial ${point.trial}, ${SAYS[kind]}: ${values.join(", ")}`}, svg("circle", {class: "reach", r: 12}), sign(kind));
  if (kind === "knee") group.append(svg("text", {class: "label", x: 13, y: -8}, "knee"));
  return {point, group, left, top, kind, values};
}

function move(picture, tip, marks, found, chosen) {
  const inOrder = marks.toSorted((one, other) => one.left - other.left || other.top - one.top);
  const hide = () => { tip.hidden = true; };
  const tell = one => {
    tip.replaceChildren(el("b", {}, `Trial ${one.point.trial}`), ` ${SAYS[one.kind]}`, el("ul", {}, ...one.values.map(value => el("li", {}, value))),
      el("p", {}, steps(one.point.recipe)));
    tip.hidden = false;
    tip.style.left = `${Math.max(0, Math.min(one.left + 14, picture.clientWidth - tip.offsetWidth - 2))}px`;
    tip.style.top = `${one.top + tip.offsetHeight + 30 > HEIGHT ? one.top - tip.offsetHeight - 12 : one.top + 14}px`;
  };
  const focus = place => {
    for (const one of inOrder) one.group.setAttribute("tabindex", -1);
    inOrder[place].group.setAttribute("tabindex", 0);
    inOrder[place].group.focus();
  };
  inOrder.forEach((one, place) => {
    const next = {ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1, Home: 0, End: inOrder.length - 1};
    one.group.addEventListener("mouseenter", () => tell(one));
    one.group.addEventListener("mouseleave", hide);
    one.group.addEventListener("focus", () => tell(one));
    one.group.addEventListener("blur", hide);
    one.group.addEventListener("click", () => chosen(one.point));
    one.group.addEventListener("keydown", event => {
      if (event.key === "Escape") hide();
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); chosen(one.point); }
      if (!(event.key in next)) return;
      event.preventDefault();
      focus(Math.max(0, Math.min(inOrder.length - 1, next[event.key])));
    });
  });
  const first = inOrder.findIndex(one => one.kind === "knee");
  inOrder[Math.max(0, first)]?.group.setAttribute("tabindex", 0);
}

/** depth layers 3, int8: the steps of a recipe's YAML and what is set in them; its first line where it has another form. */
export function steps(recipe) {
  const lines = String(recipe ?? "").split("\n"), from = lines.findIndex(line => line.startsWith("steps:"));
  if (from < 0) return lines[0];
  const found = lines[from].slice(6).trim() ? [lines[from].slice(6).trim()] : [];
  for (const line of lines.slice(from + 1)) {
    if (!/^[\s-]/.test(line)) break;
    const text = line.trim().replace(/^- /, "").replace(/:( null| \{\})?$/, "").replace(/[{}]/g, "").replaceAll(": ", " ").replace(/ null$/, "");
    if (line.trim().startsWith("- ") || !found.length) found.push(text);
    else found[found.length - 1] += ` ${text}`;
  }
  return found.join(", ");
}
