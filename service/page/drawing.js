// Draws an explanation. Texts of products become text nodes alone, so that none of them is ever read as HTML.

import { apart, count, ended, fieldName, percent, signed } from "./words.js";

const BRANCHES_SHOWN = 12;
const WORDS_SHOWN = 6; // on each side, until all are asked for

/** An element with a class, attributes and children; strings among the children become text. */
export function element(tag, { class: name, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((one) => one !== null && one !== undefined));
  return made;
}

/** The whole answer: the decision, the branches, the words and the products like it. */
export function draw(title, explained, names, policy, copyButton) {
  return [
    answerCard(title, explained, names, policy, copyButton),
    element("div", { class: "columns" },
      branchesCard(explained, names),
      element("div", { class: "column" }, wordsCard(explained, names), nearestCard(explained, names))),
  ];
}

/** What a person who cannot see the page hears once the answer is there. */
export function spoken(explained, names) {
  const place = names.path(explained.category_id).reverse().join(", in ");
  return `${place}. Confidence ${percent(explained.confidence)}, ${explained.band}. ${decisionOf(explained).word}.`;
}

function decisionOf(explained) {
  return explained.decision === "auto"
    ? { word: "Automatic", text: "no person has to look" }
    : { word: "Review", text: "a person decides" };
}

function answerCard(title, explained, names, policy, copyButton) {
  const path = names.path(explained.category_id);
  const decision = decisionOf(explained);
  const kind = explained.decision === "auto" ? "auto" : "review";
  const start = explained.start_branch_id;
  return element("section", { class: `card answer ${kind}`, "aria-labelledby": "answer-name" },
    element("div", { class: "goes" },
      element("p", { class: "asked" }, title),
      element("p", { class: "path" }, path.slice(0, -1).map((one) => `${one} ›`).join(" ")),
      element("h2", { id: "answer-name" }, path.at(-1)),
      element("p", { class: "id" }, element("code", {}, explained.category_id)),
      element("p", { class: "decision" },
        element("b", { class: "pill" }, decision.word), element("span", {}, decision.text)),
      element("p", { class: "reason" }, ended(explained.reason_text)),
      start ? element("p", { class: "start" }, `The person starts in ${names.name(start)}.`) : null,
      explained.doubt ? element("p", { class: "doubt" }, element("span", {}, "Why not surer: "), ended(explained.doubt)) : null,
      copyButton),
    confidencePart(explained, policy));
}

function confidencePart(explained, policy) {
  const ofBranch = policy?.level === "branch"; // the threshold then is one of the branch's confidence
  const value = ofBranch ? explained.branch_confidence : explained.confidence;
  const { threshold } = explained;
  const limited = typeof threshold === "number";
  const [number, limit] = limited ? apart(value, threshold) : [percent(value)];
  const scale = element("div", { class: "scale", "aria-hidden": "true" },
    element("i", { class: "fill" }), limited ? element("i", { class: "mark" }) : null);
  scale.style.setProperty("--value", value);
  const told = element("p", { class: "threshold" }, limited ? `threshold ${limit}` : "no threshold: people always decide here");
  if (limited) {
    scale.style.setProperty("--threshold", threshold);
    told.style.setProperty("--threshold", threshold);
    told.classList.add("at");
  }
  return element("div", { class: "sure" },
    element("p", { class: "label" }, ofBranch ? "Confidence in the branch" : "Confidence"),
    element("p", { class: "number" }, number),
    element("p", { class: "band" }, ofBranch ? `in the category ${percent(explained.confidence)}, ${explained.band}` : explained.band),
    scale, told);
}

function branchesCard(explained, names) {
  const rows = explained.branches.map(({ branch_id: id, probability }) => {
    const suggested = id === explained.branch_id;
    const row = element("li", { class: suggested ? "branch suggested" : "branch" }, bar(names.name(id), probability));
    const leaves = explained.leaves.filter((one) => one.category_id !== id);
    if (suggested && leaves.length) row.append(leavesOf(id, leaves, explained, names));
    return row;
  });
  const list = element("ol", { class: "bars" }, ...rows);
  return card("Branches", `every one of ${count(rows.length)}, likeliest first`, list, fold(rows, BRANCHES_SHOWN, "branches"));
}

function leavesOf(branch, leaves, explained, names) {
  const rows = leaves.map(({ category_id: id, probability }) => {
    const between = names.path(id).slice(1, -1).join(" › ");
    const chosen = id === explained.category_id;
    return element("li", { class: chosen ? "leaf suggested" : "leaf" }, bar(names.name(id), probability, between));
  });
  const whole = explained.branches.find((one) => one.branch_id === branch).probability;
  const rest = whole - leaves.reduce((sum, one) => sum + one.probability, 0);
  if (rest >= 0.0005) rows.push(element("li", { class: "leaf rest" }, bar("all others of this branch", rest)));
  return element("ol", { class: "bars leaves", "aria-label": `Likeliest categories of ${names.name(branch)}` }, ...rows);
}

function bar(name, share, note = "") {
  const line = element("div", { class: "bar" },
    element("span", { class: "name" }, name, note ? element("small", {}, note) : null),
    element("span", { class: "track", "aria-hidden": "true" }, element("i")),
    element("span", { class: "share" }, percent(share)));
  line.style.setProperty("--value", Math.min(Math.max(share, 0), 1));
  return line;
}

function wordsCard(explained, names) {
  const { spoke_for: forIt, spoke_against: against } = explained;
  const most = Math.max(...[...forIt, ...against].map((one) => Math.abs(one.contribution)), Number.MIN_VALUE);
  const side = (heading, voices, kind) => {
    if (!voices.length) return [];
    const rows = voices.map((one) => voice(one, most, kind));
    const list = element("ul", { class: `voices ${kind}` }, ...rows);
    return [element("h3", {}, heading), list, fold(rows, WORDS_SHOWN, "words")];
  };
  const told = [
    ...side(`For ${names.name(explained.category_id)}`, forIt, "for"),
    ...side(explained.rival_id ? `Against it, for ${names.name(explained.rival_id)}` : "Against it", against, "against"),
  ];
  if (!told.length) told.push(element("p", { class: "nothing" }, "This model does not weigh words one by one, or knows none of these."));
  return card("Words that spoke", null, ...told);
}

function voice({ field, text, contribution }, most, kind) {
  const row = element("li", { class: "voice" },
    element("span", { class: "name" }, element("bdi", {}, text), element("small", {}, fieldName(field))),
    element("span", { class: `lean ${kind}`, "aria-hidden": "true" }, element("i")),
    element("span", { class: "share" }, signed(contribution)));
  row.style.setProperty("--value", Math.abs(contribution) / most);
  return row;
}

function nearestCard(explained, names) {
  const rows = explained.nearest.map((one) => {
    const same = one.category_id === explained.category_id;
    const row = element("li", { class: same ? "labelled same" : "labelled" },
      element("span", { class: "name" }, element("bdi", {}, one.title),
        element("small", {}, names.path(one.category_id).join(" › "), same ? " " : null, same ? element("b", {}, "same category") : null)),
      element("span", { class: "track", "aria-hidden": "true" }, element("i")),
      element("span", { class: "share" }, percent(one.similarity, 0), element("small", {}, "alike")));
    row.style.setProperty("--value", Math.min(Math.max(one.similarity, 0), 1));
    return row;
  });
  const list = rows.length
    ? element("ol", { class: "nearest" }, ...rows)
    : element("p", { class: "nothing" }, "This model compares no products, or knows none like this.");
  return card("Labelled products most like it", null, list);
}

function card(heading, note, ...children) {
  return element("section", { class: "card" },
    element("h2", {}, heading, note ? element("small", {}, note) : null), ...children);
}

/** Hides all but the first rows behind a button; what is suggested stays in sight. Null where nothing is to hide. */
function fold(rows, shown, what) {
  const rest = rows.slice(shown).filter((row) => !row.classList.contains("suggested"));
  if (rest.length < 2) return null; // one more row is as short as the button
  const button = element("button", { class: "quiet", type: "button" });
  const set = (open) => {
    for (const row of rest) row.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "Show fewer" : `Show all ${count(rows.length)} ${what}`;
  };
  button.addEventListener("click", () => set(button.getAttribute("aria-expanded") !== "true"));
  set(false);
  return button;
}
