// The field of the correction: leaves that fit what is typed, offered by the browser's own list.

const field = document.getElementById("other");
const list = document.getElementById("leaves");
let last = 0;
let timer;

async function offer() {
  const mine = ++last;
  const text = field.value.trim();
  if (text.length < 2) return;
  try {
    const response = await fetch(`${field.dataset.categories}?q=${encodeURIComponent(text)}`, { credentials: "same-origin" });
    if (!response.ok || mine !== last) return;
    const { categories } = await response.json();
    list.replaceChildren(...categories.map(([, name]) => Object.assign(document.createElement("option"), { value: name })));
  } catch {
    // Without the list the field still takes a name or an id.
  }
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(offer, 120);
  for (const choice of document.querySelectorAll("input[name=choice]:checked")) choice.checked = false;
});
for (const choice of document.querySelectorAll("input[name=choice]")) {
  choice.addEventListener("change", () => { field.value = ""; });
}
