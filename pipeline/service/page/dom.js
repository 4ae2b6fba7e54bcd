// Elements.  Whatever comes from outside becomes a text node or an attribute, never markup.

export const find = id => document.getElementById(id);

/** An element: properties by name, `class`, `aria-…`, `data-…` and `role` as attributes, functions as `on` listeners. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function show(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

/** Told to who cannot see it change. */
export function say(text) {
  find("said").textContent = text;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit"});

export function time(iso) {
  const at = new Date(iso);
  return el("time", {dateTime: iso, title: iso}, isNaN(at) ? String(iso) : CLOCK.format(at));
}

export function seconds(from, to) {
  const all = Math.max(0, (new Date(to ?? Date.now()) - new Date(from)) / 1000);
  if (!isFinite(all)) return "";
  return all < 60 ? `${all.toFixed(all < 10 ? 1 : 0)} s` : `${Math.floor(all / 60)} min ${Math.floor(all % 60)} s`;
}

export function size(bytes) {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Three figures, without an exponent where one can do without. */
export function figure(value) {
  if (typeof value !== "number") return String(value ?? "–");
  const short = Number(value.toPrecision(3));
  return Math.abs(short) >= 1e6 || (short && Math.abs(short) < 1e-4) ? short.toExponential() : String(short);
}

export const short = key => (key ? String(key).slice(0, 12) : "");

/** A mark and a word: no meaning by colour alone. */
const MARKS = {queued: "◷", running: "▶", succeeded: "✓", failed: "✕", cancelled: "⊘", pass: "✓", fail: "✕", inconclusive: "≈",
  invalid: "!", champion: "★", challenger: "☆"};
const KINDS = {succeeded: "good", pass: "good", champion: "good", failed: "bad", fail: "bad", running: "busy", challenger: "busy",
  inconclusive: "warn", invalid: "warn"};

export function badge(word, text = word) {
  return el("span", {class: `badge ${KINDS[word] ?? ""}`}, el("span", {"aria-hidden": "true"}, `${MARKS[word] ?? "·"} `), text);
}
