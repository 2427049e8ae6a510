// Offers the scopes that the role of the chosen person allows. The desk checks it again, at each request too.

const owner = document.querySelector("select[data-scopes]");
const boxes = document.querySelectorAll('input[name="scopes"]');

function offer() {
  const allowed = JSON.parse(owner.dataset.scopes)[owner.value] ?? [];
  for (const box of boxes) {
    box.disabled = !allowed.includes(box.value);
    if (box.disabled) box.checked = false;
    box.closest("label").hidden = box.disabled;
  }
}

owner.addEventListener("change", offer);
window.addEventListener("pageshow", offer);
