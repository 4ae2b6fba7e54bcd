// The form for a job.  Its fields are those of the service's own schema, so that no setting is written down twice.

import {fresh, post, schemas} from "./api.js";
import {el, find, say, show} from "./dom.js";

const COMMON = ["profile", "name", "model"];
const LABELS = {name: "register as (a name)", model: "model directory", profile: "profile"};
const FIRST = {recipe: "int8"}; // what is chosen where the service has no default
let known, read = () => ({}), key = fresh();

export async function prepare() {
  if (known) return;
  known = await schemas();
  draw();
}

const kind = () => document.querySelector("[name=kind]:checked").value;
const named = reference => known[reference.split("/").pop()];
const settled = schema => (schema?.$ref ? named(schema.$ref) : schema?.anyOf ? settled(schema.anyOf.find(one => one.type !== "null")) : schema);

function draw() {
  const box = find("fields");
  box.textContent = "";
  read = {quantize, prune, distill}[kind()](box);
}

/** Fields for the properties of a schema; read() gives what differs from the defaults. */
function fieldsOf(box, schema, names = Object.keys(schema.properties ?? {})) {
  const readers = names.map(name => {
    const {field, value} = fieldOf(name, schema.properties[name], schema.required?.includes(name));
    box.append(field);
    return [name, value];
  });
  return () => Object.fromEntries(readers.map(([name, value]) => [name, value()]).filter(([, value]) => value !== undefined));
}

function fieldOf(name, outer, required) {
  const schema = settled(outer), start = outer.default ?? schema.default, text = LABELS[name] ?? name.replaceAll("_", " ");
  if (schema.type === "array") return listOf(text, schema, start);
  const input = schema.enum ? choiceOf(schema.enum, start ?? FIRST[name]) : inputOf(schema, start, required);
  const value = () => {
    const found = schema.type === "boolean" ? input.checked : input.value.trim();
    if (found === "" || found === start || found === String(start ?? "")) return required && found !== "" ? found : undefined;
    return schema.type === "integer" || schema.type === "number" ? Number(found) : found;
  };
  const check = schema.type === "boolean";
  input.setAttribute("aria-label", text);
  return {field: el("label", {class: check ? "field check" : "field"}, ...(check ? [input, el("span", {}, text)] : [el("span", {}, text), input])), value};
}

function choiceOf(values, start) {
  return el("select", {}, ...values.map(one => el("option", {value: one, selected: one === start}, one === "" ? "none" : String(one))));
}

function inputOf(schema, start, required) {
  if (schema.type === "boolean") return el("input", {type: "checkbox", checked: Boolean(start)});
  if (schema.type === "integer" || schema.type === "number") {
    return el("input", {type: "number", step: schema.type === "integer" ? "1" : "any", inputMode: "decimal", placeholder: String(start ?? "optional"),
      min: schema.minimum ?? schema.exclusiveMinimum ?? "", max: schema.maximum ?? schema.exclusiveMaximum ?? ""});
  }
  return el("input", {type: "text", maxLength: schema.maxLength ?? 200, placeholder: String(start ?? (required ? "" : "optional")),
    autocomplete: "off", spellcheck: false, required: Boolean(required)});
}

/** Some of a list of words, as boxes to tick. */
function listOf(text, schema, start = []) {
  const boxes = (schema.items?.enum ?? []).map(one => el("input", {type: "checkbox", value: one, checked: start.includes(one)}));
  const field = el("fieldset", {class: "ticks"}, el("legend", {}, text), ...boxes.map(one => el("label", {class: "field check"}, one, el("span", {}, one.value))));
  return {field, value: () => {
    const found = boxes.filter(one => one.checked).map(one => one.value);
    return String(found) === String(start) ? undefined : found;
  }};
}

/** A choice, and below it what belongs to the chosen one: `parts` maps it to a function that fills a box and returns its reader. */
function choose(box, text, parts) {
  const select = el("select", {"aria-label": text}, ...Object.keys(parts).map(name => el("option", {value: name}, name))), inner = el("div", {class: "fields"});
  let reader;
  const fill = () => { inner.textContent = ""; reader = parts[select.value](inner); };
  select.addEventListener("change", fill);
  box.append(el("label", {class: "field"}, el("span", {}, text), select), inner);
  fill();
  return () => reader();
}

function folded(box, title, schema, names) {
  const inside = el("div", {class: "fields"});
  const read = fieldsOf(inside, schema, names);
  if (inside.childElementCount) box.append(el("details", {}, el("summary", {}, title), inside));
  return read;
}

/** A technique of a list of steps with its settings: [{technique, settings}]. */
function steps(box, text, list, none = "") {
  const names = Object.entries(list.items.discriminator.mapping);
  const parts = Object.fromEntries(names.map(([name, reference]) => [name, inner => {
    const settings = settled(named(reference).properties.settings), own = Object.keys(settings.properties ?? {}).filter(one => one !== "seed");
    const first = fieldsOf(inner, settings, own.slice(0, own.includes("samples") ? 2 : 1).filter(one => one !== "samples"));
    const more = folded(inner, "More settings", settings, own.filter(one => !shownFirst(own).includes(one)));
    return () => [{technique: name, settings: {...first(), ...more()}}];
  }]));
  return choose(box, text, {...(none && {[none]: () => () => []}), ...parts});
}

const shownFirst = own => own.slice(0, own.includes("samples") ? 2 : 1).filter(one => one !== "samples");

function common(box, schema, names = COMMON) {
  return fieldsOf(box, schema, names);
}

function quantize(box) {
  return choose(box, "How", {
    "a recipe of the project": inner => {
      const recipe = fieldsOf(inner, known.ByRecipe, ["recipe"]), more = common(inner, known.ByRecipe);
      return () => ({...recipe(), ...more()});
    },
    "one technique": inner => {
      const graph = steps(inner, "technique", known.BySteps.properties.graph), more = common(inner, known.BySteps);
      return () => ({graph: graph(), ...more()});
    },
    "weights alone": inner => {
      const own = fieldsOf(inner, known.ByMethod, ["method", "model", "name"]);
      const rest = Object.keys(known.ByMethod.properties).filter(name => !["method", "model", "name"].includes(name));
      const more = folded(inner, "More settings", known.ByMethod, rest);
      return () => ({...own(), ...more()});
    },
  });
}

function prune(box) {
  const pruning = steps(box, "technique", known.Prune.properties.steps), more = common(box, known.Prune);
  const heal = el("input", {type: "checkbox"}), inner = el("div", {class: "fields"});
  box.append(el("label", {class: "field check"}, heal, el("span", {}, "heal by distillation")), inner);
  let healing = () => ({});
  heal.addEventListener("change", () => {
    inner.textContent = "";
    healing = heal.checked ? fieldsOf(inner, settled(known.Prune.properties.heal), ["epochs"]) : () => ({});
  });
  return () => ({steps: pruning(), ...more(), ...(heal.checked && {heal: healing()})});
}

function distill(box) {
  const student = steps(box, "student by", known.Distill.properties.student, "the whole model");
  const training = settled(known.Distill.properties.settings), first = ["epochs", "temperature"];
  const settings = fieldsOf(box, training, first);
  const more = folded(box, "More training", training, Object.keys(training.properties).filter(name => !first.includes(name)));
  const rest = common(box, known.Distill);
  return () => ({student: student(), settings: {...settings(), ...more()}, ...rest()});
}

/** Send what the form says; `then` gets the job. */
export function onSubmit(then) {
  for (const radio of document.querySelectorAll("[name=kind]")) radio.addEventListener("change", () => known && draw());
  find("submit").addEventListener("submit", async event => {
    event.preventDefault();
    if (!known || find("send").disabled) return;
    const wrong = find("submit").querySelector(":invalid:not(fieldset)");
    if (wrong) {
      show(find("submit-trouble"), `${wrong.getAttribute("aria-label")}: ${wrong.validationMessage}`);
      return wrong.focus();
    }
    find("send").disabled = true;
    try {
      const job = await post(`/${kind()}`, read(), {"Idempotency-Key": key});
      show(find("submit-trouble"), "");
      say(`Job ${kind()} is ${job.state}`);
      key = fresh();
      then(job);
    } catch (error) {
      show(find("submit-trouble"), error.message);
      if (error.code) key = fresh(); // what was refused may be sent anew; what got lost may have arrived
    }
    find("send").disabled = false;
  });
}
