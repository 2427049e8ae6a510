// The try-it page: reads the form, asks, shows what comes back.

import { ask, keepKey, keyHeld } from "./asking.js";
import { draw, element, spoken } from "./drawing.js";
import { Names, count, plain } from "./words.js";

const FIELDS = ["title", "description", "brand", "seller", "seller_category", "price", "currency"];
const EXAMPLES = ["hammer drill 18v with case", "fold-out sofa for 2 persons", "synology RT19 router", "slp hard copy book"];
const OF_THE_CATALOGUE = 2; // examples made of names of its categories
const CALM = 150; // milliseconds before progress is shown: a quick answer needs none
const SLOW = 8_000; // milliseconds after which waiting is explained

const by = (id) => document.getElementById(id);
const form = by("product");
const result = by("result");

let latest = 0; // number of the newest question; answers to older ones are dropped
let stop = null; // ends the newest question
let unanswered = null; // a product that waits for a key
let about = null; // promise of names, policy and identity of the model that answered last

// ------------------------------------------------------------------ what is asked

/** The product in the form, or null when a person has to mend something first. */
function readForm() {
  clearMistakes();
  const product = {};
  for (const field of FIELDS) product[field] = by(field).value.trim() || null;
  if (product.title === null) {
    mistake("title", "Type the product’s name first.");
    return null;
  }
  if (product.price !== null) {
    if (!/^\d+(\.\d+)?$|^\d+,\d{1,2}$/.test(product.price)) {
      mistake("price", "Write the price as a plain number, such as 49.90.");
      return null;
    }
    product.price = Number(product.price.replace(",", "."));
  }
  return product;
}

function fillForm(product) {
  for (const field of FIELDS) by(field).value = product[field] ?? "";
  countFilled();
}

function countFilled() {
  const filled = FIELDS.slice(1).filter((field) => by(field).value.trim()).length;
  by("filled").textContent = filled ? ` (${filled} filled in)` : "";
}

const fragmentOf = (product) =>
  `#${new URLSearchParams(FIELDS.filter((field) => product[field] !== null).map((field) => [field, String(product[field])]))}`;

/** The product that the address names, or null. */
function productOfFragment() {
  const said = new URLSearchParams(location.hash.slice(1));
  return said.get("title")?.trim() ? Object.fromEntries(FIELDS.map((field) => [field, said.get(field)])) : null;
}

// ------------------------------------------------------------------ asking

async function question(product) {
  const mine = (latest += 1);
  stop?.abort();
  stop = new AbortController();
  unanswered = null;
  hide("problem", "key");
  const timers = [setTimeout(waiting, CALM), setTimeout(() => slow(product), SLOW)];
  try {
    const answer = await ask("v1/explain", { body: { products: [product], neighbours: 5 }, signal: stop.signal });
    const known = await aboutModel(answer.model);
    if (mine === latest) show(product, answer, known);
  } catch (error) {
    if (mine === latest && error.name !== "AbortError") told(error, product);
  } finally {
    timers.forEach(clearTimeout);
    if (mine === latest) rest();
  }
}

/** Names of the categories and the policy; asked again when another model answers than the one they came from. */
async function aboutModel(model) {
  const known = await (about ??= learnAbout());
  if (known.model && (!model || JSON.stringify(known.model) === JSON.stringify(model))) return known;
  about = learnAbout();
  return about;
}

async function learnAbout() {
  const [categories, described] = await Promise.allSettled([ask("v1/categories"), ask("v1/model")]);
  for (const { reason } of [categories, described]) {
    if (reason?.status === 401 && by("key").hidden) askForKey(reason);
  }
  const known = { names: new Names(categories.value), model: categories.value?.model, policy: described.value?.policy };
  if (categories.value) offer(known.names.examples(OF_THE_CATALOGUE));
  if (described.value) identify(described.value);
  return known;
}

// ------------------------------------------------------------------ showing

function show(product, answer, { names, policy }) {
  const [explained] = answer.explanations;
  result.replaceChildren(...draw(product.title, explained, names, policy, copyPart()));
  hide("intro", "problem");
  result.hidden = false;
  history.replaceState(null, "", fragmentOf(product));
  document.title = `${product.title} · Aisle`;
  by("status-text").textContent = spoken(explained, names);
  if (matchMedia("(pointer: coarse)").matches) document.activeElement?.blur(); // the keyboard on the glass goes away
  const below = result.getBoundingClientRect().top > innerHeight * 0.55;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (below) result.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
}

function copyPart() {
  const said = element("span", { class: "said", role: "status" });
  const link = element("input", { class: "link", type: "text", readonly: "", "aria-label": "Link to this answer", hidden: "" });
  const button = element("button", { class: "quiet", type: "button" }, "Copy link");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      said.textContent = "Copied";
    } catch { // no clipboard outside of https and the own machine, or it was refused
      link.value = location.href;
      link.hidden = false;
      link.select();
      said.textContent = "Copy it from here";
    }
  });
  return element("div", { class: "copy" }, button, said, link);
}

function waiting() {
  by("status").classList.add("waiting");
  by("status-text").textContent = "Asking the model …";
  result.setAttribute("aria-busy", "true");
}

function slow(product) {
  const again = element("button", { class: "quiet", type: "button" }, "Ask again");
  again.addEventListener("click", () => question(product));
  by("status-text").replaceChildren("This takes longer than usual. ", again);
}

function rest() {
  by("status").classList.remove("waiting");
  result.removeAttribute("aria-busy");
}

/** Says what went wrong; a defect of this page is no trouble of the service and stays an error. */
function told(error, product) {
  by("status-text").textContent = "";
  if (!error.text && error.status === undefined) throw error;
  hide("intro");
  result.hidden = true;
  if (error.status === 401) {
    unanswered = product;
    askForKey(error);
    return;
  }
  const elsewhere = [];
  for (const { field, detail } of error.mistakes) {
    if (FIELDS.includes(field)) mistake(field, plain(field, detail));
    else elsewhere.push(plain(field, detail));
  }
  const box = by("problem");
  const again = element("button", { class: "main", type: "button" }, "Try again");
  again.addEventListener("click", () => question(product));
  const text = error.text || (elsewhere.length ? "" : "What is wrong stands beside the field.");
  box.replaceChildren(
    element("h2", {}, error.title),
    ...(text ? [element("p", {}, text)] : []),
    ...elsewhere.map((one) => element("p", {}, one)),
    ...(error.again ? [again] : []),
  );
  box.hidden = false;
}

function mistake(field, text) {
  const input = by(field);
  const said = by(`${field}-mistake`);
  said.textContent = text;
  said.hidden = false;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", said.id);
  if (field !== "title") by("more").open = true;
  if (document.querySelector("[aria-invalid]") === input) input.focus();
}

function clearMistakes() {
  for (const field of FIELDS) {
    by(`${field}-mistake`).hidden = true;
    by(field).removeAttribute("aria-invalid");
    by(field).removeAttribute("aria-describedby");
  }
}

function hide(...ids) {
  for (const id of ids) by(id).hidden = true;
}

function offer(names) {
  const known = [...by("examples").children].map((one) => one.textContent);
  for (const name of names.filter((one) => !known.includes(one))) {
    by("examples").append(element("button", { class: "chip", type: "button" }, name));
  }
}

function identify({ model, promise, categories, branches }) {
  by("promise").replaceChildren(element("b", {}, "What this model promises. "), promise.replaceAll(" %", "\u00a0%"));
  const parts = [
    `Model ${model.name}, version ${model.version}`,
    `policy ${model.policy_id}`,
    model.bento_tag ? `Bento ${model.bento_tag}` : null,
    `${count(categories)} categories in ${count(branches)} branches`,
  ];
  by("identity").textContent = parts.filter(Boolean).join(" · ");
}

// ------------------------------------------------------------------ the key

function askForKey({ key }) {
  if (key && keyHeld() === key) keepKey(null);
  by("key-title").textContent = key ? "The key was not accepted" : "This service asks for a key";
  by("key-text").textContent = key
    ? "It may be mistyped, or not be valid any more. Paste it again, or ask those who run the service for another."
    : "Paste the key that those who run the service gave you.";
  by("key").hidden = false;
  by("key-value").value = "";
  by("key-value").focus();
}

by("key").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = by("key-value").value.trim();
  if (!/^[\x21-\x7e]+$/.test(key)) {
    by("key-text").textContent = key ? "A key holds no spaces and no letters beyond a to z." : "Paste the key first.";
    by("key-value").focus();
    return;
  }
  keepKey(key);
  by("key").hidden = true;
  by("title").focus();
  about = learnAbout();
  if (unanswered) question(unanswered);
});

// ------------------------------------------------------------------ start

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const product = readForm();
  if (product) question(product);
});
form.addEventListener("input", countFilled);
by("description").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
by("examples").addEventListener("click", (event) => {
  if (!event.target.matches("button")) return;
  fillForm({ title: event.target.textContent }); // an example is a name alone: the other fields would answer for it
  form.requestSubmit();
});

function askWhatTheAddressNames() {
  const product = productOfFragment();
  if (!product) return false;
  fillForm(product);
  form.requestSubmit();
  return true;
}

offer(EXAMPLES);
about = learnAbout();
addEventListener("hashchange", askWhatTheAddressNames);
if (!askWhatTheAddressNames() && matchMedia("(pointer: fine)").matches) by("title").focus();
