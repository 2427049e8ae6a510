// Puts a task on the page. Texts of products become text nodes, never mark-up.

const byId = (id) => document.getElementById(id);

const FIELDS = [
  ["description", "Description"],
  ["brand", "Brand"],
  ["seller_category", "Seller's category"],
  ["price", "Price"],
  ["seller", "Seller"],
];

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(attribute, value);
  }
  made.append(...children);
  return made;
}

// The names from the branch down; the last one stands out.
export function pathOf(category) {
  const nodes = [];
  category.path.forEach((name, place) => {
    const last = place === category.path.length - 1;
    nodes.push(last ? element("b", {}, name) : element("span", {}, name));
    if (!last) nodes.push(element("i", {}, " › "));
  });
  return nodes;
}

// A button with its key, its name, and the path above it.
export function choice(category, key, more = "") {
  const above = category.path.slice(0, -1).join(" › ");
  const texts = [element("b", {}, category.name)];
  if (above) texts.push(element("small", {}, above));
  if (more) texts.push(element("small", { class: "said" }, more));
  const button = element("button", { type: "button", "data-category": category.category_id, tabindex: null });
  if (key) button.append(element("kbd", {}, key));
  button.append(element("span", {}, ...texts));
  return button;
}

export function showProduct(task) {
  byId("title").textContent = task.product.title;
  const facts = byId("facts");
  facts.replaceChildren();
  for (const [field, name] of FIELDS) {
    const text = textOf(task.product, field);
    if (!text) continue;
    const value = element("dd", field === "description" ? { class: "long", tabindex: "0" } : {}, text);
    facts.append(element("dt", {}, name), value);
  }
  facts.append(element("dt", {}, "Product"), element("dd", { class: "mono" }, task.product_id));
}

function textOf(product, field) {
  if (field !== "price") return product[field];
  if (product.price === null) return "";
  const number = product.price.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return `${number} ${product.currency ?? ""}`.trim();
}

export function showQuestion(task, recent) {
  const suggested = task.suggestion;
  byId("suggestion").hidden = !suggested;
  byId("path").replaceChildren(...(suggested ? pathOf(suggested) : []));
  const adjudicated = task.kind === "adjudicate";
  byId("which").hidden = Boolean(suggested);
  byId("which").textContent = adjudicated ? settle(task) : "Which category?";
  const unsaid = task.answers.filter((one) => !one.category);
  byId("unsaid").hidden = !unsaid.length;
  byId("unsaid").replaceChildren(...unsaid.map((one) => element("li", {}, couldNot(one))));
  const offered = adjudicated ? answersOf(task) : task.alternatives.map((one) => [one, ""]);
  byId("choices").hidden = !offered.length;
  byId("choices-name").textContent = adjudicated ? "What they said" : "No, this one";
  list(byId("alternatives"), offered.map(([category, more], place) => choice(category, String(place + 1), more)));
  const seen = new Set([suggested?.category_id, ...offered.map(([one]) => one.category_id)]);
  const others = recent.filter((one) => !seen.has(one.category_id)).slice(0, 4);
  byId("recent").hidden = !others.length;
  list(byId("recents"), others.map((one, place) => choice(one, String(place + 6))));
}

function settle(task) {
  const said = new Set(task.answers.filter((one) => one.category).map((one) => one.category.category_id));
  if (said.size > 1) return "Two people differ. Which category is right?";
  if (said.size) return "Somebody could not say. Which category is right?";
  return "Nobody could say so far. Which category is right?";
}

function couldNot(said) {
  return `Cannot say: ${said.skip_reason}${said.note ? `, “${said.note}”` : ""}`;
}

function answersOf(task) {
  const said = [];
  for (const one of task.answers) {
    if (one.category) said.push([one.category, one.note ? `“${one.note}”` : ""]);
  }
  return said;
}

export function list(parent, buttons) {
  parent.replaceChildren(...buttons.map((button) => element("li", {}, button)));
}
