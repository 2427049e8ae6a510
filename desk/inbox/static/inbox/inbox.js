// The part of a page that changes is fetched again every few seconds; a file that is too large is told at once.

const changing = document.getElementById("now");
if (changing?.dataset.address) {
  const whole = changing.dataset.fast !== undefined;
  const pause = whole ? 1000 : 5000;
  let since = new Date();
  setTimeout(look, pause);

  async function look() {
    try {
      if (!document.hidden) {
        const answer = await fetch(changing.dataset.address, { credentials: "same-origin", redirect: "manual" });
        if (answer.type === "opaqueredirect") {
          tell("Your session has ended.", since, true);
        } else if (answer.ok) {
          const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
          tell("");
          since = new Date();
          if (whole) {
            become(document.querySelector("main"), fresh.querySelector("main"));
            if (!fresh.querySelector("#now[data-address]")) return;
          } else {
            become(changing, fresh.body);
          }
        } else {
          tell(`The desk answers with an error (${answer.status}).`, since);
        }
      }
    } catch {
      tell("The desk cannot be reached.", since);
    }
    setTimeout(look, pause);
  }
}

// What is shown is old: say why, and of when it is.
function tell(problem, since, loggedOut = false) {
  const place = document.getElementById("stale");
  if (!place || place.dataset.told === problem) return;
  place.dataset.told = problem;
  place.hidden = !problem;
  place.replaceChildren();
  if (!problem) return;
  place.append(`${problem} What is shown is of ${since.toLocaleTimeString()}. `);
  if (loggedOut) place.append(Object.assign(document.createElement("a"), { href: place.dataset.logIn, textContent: "Log in again" }));
}

// The children of `shown` become those of `fresh`. What is the same stays the same element, so that the
// keyboard's focus, a selection, and what a screen reader stands on are not lost.
function become(shown, fresh) {
  const rest = [...shown.childNodes];
  for (const one of [...fresh.childNodes]) {
    const place = rest.findIndex((other) => alike(other, one));
    if (place < 0) {
      shown.insertBefore(one, rest[0] ?? null);
      continue;
    }
    const passed = rest.splice(0, place + 1);
    const kept = passed.pop();
    for (const gone of passed) gone.remove();
    if (kept.isEqualNode(one)) continue;
    if (kept.nodeType !== Node.ELEMENT_NODE) {
      kept.data = one.data;
      continue;
    }
    for (const { name } of [...kept.attributes]) if (!one.hasAttribute(name)) kept.removeAttribute(name);
    for (const { name, value } of one.attributes) if (kept.getAttribute(name) !== value) kept.setAttribute(name, value);
    become(kept, one);
  }
  for (const gone of rest) gone.remove();
}

function alike(one, other) {
  if (one.nodeName !== other.nodeName) return false;
  if (one.nodeType !== Node.ELEMENT_NODE) return true;
  const name = (element) => element.id || element.getAttribute("href") || element.dataset.key || "";
  return name(one) === name(other);
}

const file = document.getElementById("file");
file?.addEventListener("change", () => {
  const most = Number(file.dataset.most);
  const large = file.files[0] && file.files[0].size > most;
  const said = large ? `The file is larger than ${most >> 20} MB; split it, or use aisle desk load.` : "";
  document.getElementById("mistake").textContent = said;
  file.setCustomValidity(said);
});
