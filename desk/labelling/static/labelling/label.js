// The screen of two seconds: shows a task, takes an answer by key or touch, shows the next one at once.

import { post } from "../people/api.js";
import { listen } from "./keys.js";
import { Outbox } from "./outbox.js";
import { Search } from "./searching.js";
import { showProduct, showQuestion } from "./show.js";

const AHEAD = 2;
const TOO_QUICK = 250; // ms: nobody reads a product in less; the second of two quick strokes is a slip
const RENEW = 4 * 60 * 1000; // ms; claims hold for ten minutes
const LOOK_AGAIN = 15 * 1000; // ms, while nothing waits

const byId = (id) => document.getElementById(id);
const desk = byId("desk");
const finePointer = window.matchMedia("(pointer: fine)");

const tasks = []; // the first one is shown
const done = new Set(); // answered here, whatever the desk knows of it
const history = []; // answers that can be undone, the latest last
let recent = [];
let today = { answered: 0, skipped: 0 };
let waiting = null;
let shown = null;
let shownAt = 0;
let claimedAt = 0;
let activeAt = performance.now();
let timer;

const outbox = new Outbox(desk.dataset.person, { told, refused, changed });
const search = new Search(desk.dataset.search, { chosen: (id) => answer(id), left: () => ask() });

// ---- tasks

async function claim() {
  clearTimeout(timer);
  try {
    receive(await post(desk.dataset.claim, { count: AHEAD }), true);
  } catch (error) {
    banner(error);
    if (!tasks.length) byId("loading").textContent = error.message;
    timer = setTimeout(claim, LOOK_AGAIN);
  }
}

// `all`: the answer holds every task that is ours, so others are not ours any more.
function receive(answer, all = false) {
  claimedAt = performance.now();
  const given = answer.tasks.filter((task) => !done.has(task.task_id));
  if (all && !outbox.entries().length) {
    const held = new Set(given.map((task) => task.task_id));
    const lost = tasks.filter((task) => !held.has(task.task_id));
    for (const task of lost) tasks.splice(tasks.indexOf(task), 1);
    if (lost.includes(shown)) say("The product was shown for so long that it was given to somebody else.");
  }
  const known = new Set(tasks.map((task) => task.task_id));
  tasks.push(...given.filter((task) => !known.has(task.task_id)));
  ({ recent, today } = answer);
  waiting = answer.waiting < answer.waiting_at_least ? String(answer.waiting) : `${answer.waiting}+`;
  outboxCounted(outbox.state());
  show();
}

function show() {
  const task = tasks[0] ?? null;
  byId("loading").hidden = true;
  byId("item").hidden = !task;
  byId("nothing").hidden = Boolean(task) || outbox.entries().length > 0;
  byId("loading").hidden = Boolean(task) || byId("nothing").hidden === false;
  clearTimeout(timer);
  if (!task) {
    shown = null;
    timer = setTimeout(() => document.hidden || claim(), outbox.entries().length ? 1000 : LOOK_AGAIN);
    return;
  }
  if (task === shown) return;
  shown = task;
  byId("note").value = "";
  search.clear();
  showProduct(task);
  showQuestion(task, recent);
  ask();
  window.scrollTo(0, 0);
  shownAt = performance.now();
}

// Back to the question: no panel open, the cursor where the next key is expected.
function ask() {
  panel(null);
  byId("note-box").hidden = !byId("note").value;
  byId("add-note").setAttribute("aria-expanded", String(!byId("note-box").hidden));
  const typing = shown && !shown.suggestion && shown.kind === "label" && finePointer.matches;
  if (typing && document.activeElement !== search.field) search.field.focus({ preventScroll: true });
  else byId("title").focus({ preventScroll: true });
}

function panel(name) {
  byId("skip").hidden = name !== "skip";
  byId("item").classList.toggle("skipping", name === "skip");
  if (name === "skip") byId("skip").querySelector("button").focus();
}

// ---- answers

function answer(categoryId, reason = "") {
  const task = shown;
  const seconds = (performance.now() - shownAt) / 1000;
  if (!task || seconds * 1000 < TOO_QUICK) return;
  const body = {
    task_id: task.task_id,
    uuid: uuid(),
    category_id: categoryId,
    skip_reason: reason,
    note: byId("note").value.trim(),
    seconds: Math.round(seconds * 1000) / 1000,
    next: AHEAD,
  };
  history.push({ task, uuid: body.uuid });
  done.add(task.task_id);
  tasks.shift();
  byId("undo").disabled = false;
  byId("spoken").textContent = categoryId ? "Stored." : "Left out.";
  outbox.add({ kind: "answer", skipped: !categoryId, title: task.product.title, address: desk.dataset.answer, body });
  show();
}

function undo() {
  const last = history.pop();
  byId("undo").disabled = !history.length;
  if (!last) return;
  done.delete(last.task.task_id);
  tasks.unshift(last.task);
  byId("spoken").textContent = "Taken back.";
  const entry = { kind: "undo", task_id: last.task.task_id, title: last.task.product.title, address: desk.dataset.undo };
  outbox.add({ ...entry, body: { uuid: last.uuid } });
  show();
}

function told(entry, answer) {
  if (entry.kind === "answer") receive(answer);
}

function refused(entry, error) {
  say(`“${entry.title.slice(0, 60)}”: ${error.message}`);
  const id = entry.kind === "undo" ? entry.task_id : entry.body.task_id;
  const place = history.findIndex((one) => one.task.task_id === id);
  if (place >= 0) history.splice(place, 1);
  byId("undo").disabled = !history.length;
  if (entry.kind === "undo") {
    done.add(id);
    const task = tasks.findIndex((one) => one.task_id === id);
    if (task >= 0) tasks.splice(task, 1);
    show();
  }
}

// ---- what the page says of itself

function changed(state) {
  outboxCounted(state);
  if (state.error) banner(state.error, state.entries.length);
  else byId("banner").hidden = true;
  if (!state.entries.length && tasks.length < AHEAD && !shown && !state.error) claim();
}

function outboxCounted({ entries }) {
  let { answered, skipped } = today;
  for (const entry of entries) {
    if (entry.kind === "undo") answered -= 1;
    else if (entry.skipped) skipped += 1;
    else answered += 1;
  }
  const parts = [`${Math.max(0, answered)} answered today`];
  if (skipped) parts.push(`${skipped} cannot say`);
  if (waiting !== null) parts.push(`${waiting} waiting`);
  byId("counters").textContent = parts.join(" · ");
}

function banner(error, kept = outbox.entries().length) {
  const answers = `${kept} ${kept === 1 ? "answer is" : "answers are"} kept in this browser`;
  const box = byId("banner");
  box.hidden = false;
  if (error.status === 401 || error.status === 403) {
    const link = Object.assign(document.createElement("a"), { href: desk.dataset.logIn, textContent: "Log in again" });
    box.replaceChildren(link, kept ? `: ${answers} until then.` : ".");
  } else {
    const why = error.status === 0 ? "No connection to the desk" : error.message;
    box.replaceChildren(kept ? `${why}: ${answers} and will be sent. Go on.` : `${why}.`);
  }
}

function say(text) {
  byId("said").hidden = false;
  byId("said").querySelector("p").textContent = text;
}

// crypto.randomUUID is there only over HTTPS and on this machine.
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

// ---- keys, touch, time

const acts = {
  yes: () => shown?.suggestion && answer(shown.suggestion.category_id),
  search: (start = "") => {
    panel(null);
    if (start) search.field.value = start;
    search.field.focus();
  },
  skip: () => panel("skip"),
  note: () => {
    byId("note-box").hidden = false;
    byId("add-note").setAttribute("aria-expanded", "true");
    byId("note").focus();
  },
  undo,
  ask,
  press: (button) => button.click(),
  typed: () => search.text !== "",
};
listen(acts);

byId("yes").addEventListener("click", acts.yes);
byId("no").addEventListener("click", () => {
  // With a keyboard on the screen there would be no place left for the alternatives.
  if (finePointer.matches || byId("choices").hidden) acts.search();
  else byId("choices").scrollIntoView({ block: "start", behavior: "smooth" });
});
byId("cannot").addEventListener("click", acts.skip);
byId("skip-back").addEventListener("click", ask);
byId("add-note").addEventListener("click", acts.note);
byId("undo").addEventListener("click", undo);
byId("said").querySelector("button").addEventListener("click", () => { byId("said").hidden = true; });
for (const name of ["alternatives", "recents"]) {
  byId(name).addEventListener("click", (event) => {
    const button = event.target.closest("[data-category]");
    if (button) answer(button.dataset.category);
  });
}
byId("skip").addEventListener("click", (event) => {
  const button = event.target.closest("[data-reason]");
  if (button) answer(null, button.dataset.reason);
});
for (const kind of ["keydown", "pointerdown"]) {
  document.addEventListener(kind, () => { activeAt = performance.now(); }, { passive: true });
}
setInterval(() => {
  const now = performance.now();
  if (!document.hidden && shown && now - claimedAt > RENEW && now - activeAt < RENEW) claim();
}, 30000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && performance.now() - claimedAt > RENEW) claim();
});

for (const [, entry] of outbox.entries()) if (entry.kind === "answer") done.add(entry.body.task_id);
await outbox.send();
done.clear();
for (const [, entry] of outbox.entries()) if (entry.kind === "answer") done.add(entry.body.task_id);
if (!shown) claim();
