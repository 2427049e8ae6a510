// What each key does. Letters that are no command begin a search; so do y, u and s, where another letter follows at
// once: they are the beginning of a word then.

const COMMANDS = { y: "yes", s: "skip", n: "note", u: "undo", "/": "search" };
const WAITING = new Set(["yes", "undo"]); // what a letter must be alone for; the others open what can be left again
const ALONE = 300; // ms
let waiting = null; // a letter that was struck, and what it does if none follows

export function listen(acts) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || (document.getElementById("item").hidden && !isUndo(event))) return;
    if (isUndo(event)) {
      if (isField(event.target) && event.target.value) return; // undoes what was typed
      event.preventDefault();
      drop();
      acts.undo();
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey) {
      press(event, acts);
    }
  });
}

function press(event, acts) {
  const { key, target } = event;
  if (waiting) {
    const { letter } = waiting;
    if (isLetter(key) && !event.repeat) {
      drop();
      acts.search(letter); // and this letter is typed there
      return;
    }
    if (event.repeat || key === "Shift") return;
    now();
  }
  const skipping = !document.getElementById("skip").hidden;
  if (key === "Escape") {
    event.preventDefault();
    acts.ask();
  } else if (skipping) {
    if (isLetter(key)) acts.search("s"); // it was the beginning of a word
    else if (/^[1-9]$/.test(key)) choose(event, `#skip li:nth-child(${key}) button`, acts);
  } else if (target.id === "note") {
    if (key === "Enter") {
      event.preventDefault();
      acts.ask();
    }
  } else if (isField(target) && acts.typing()) {
    return; // the search has its own keys, and digits are text there
  } else if (/^[1-5]$/.test(key)) {
    choose(event, `#alternatives li:nth-child(${key}) button`, acts);
  } else if (/^[6-9]$/.test(key)) {
    choose(event, `#recents li:nth-child(${Number(key) - 5}) button`, acts);
  } else if (!isField(target)) {
    command(event, acts);
  }
}

function command(event, acts) {
  const { key, target } = event;
  const name = key === "Enter" ? "yes" : COMMANDS[key.toLowerCase()];
  if (key === "Enter" && target.closest("a, button, summary")) return; // they have their own meaning of it
  if (key === "Enter" && document.querySelector("details.who[open]")) return;
  if (WAITING.has(name) && key !== "Enter") {
    event.preventDefault();
    if (!event.repeat) wait(key, () => acts[name](event.timeStamp));
  } else if (name) {
    event.preventDefault();
    if (!event.repeat) acts[name]();
  } else if (isLetter(key)) {
    acts.search(); // and the letter is typed there
  }
}

function wait(letter, act) {
  drop();
  waiting = { letter, act, timer: setTimeout(now, ALONE) };
}

function drop() {
  clearTimeout(waiting?.timer);
  waiting = null;
}

function now() {
  const { act } = waiting;
  drop();
  act();
}

function choose(event, selector, acts) {
  const button = document.querySelector(selector);
  if (!button || button.closest("[hidden]")) return;
  event.preventDefault();
  if (!event.repeat) acts.press(button);
}

function isUndo(event) {
  return (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "z";
}

function isLetter(key) {
  return /^\p{L}$/u.test(key);
}

function isField(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}
