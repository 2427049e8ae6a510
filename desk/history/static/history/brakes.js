// The form of a new brake shows the fields that its choices ask for.

const form = document.querySelector("form[data-brake]");

function show() {
  const scope = form.elements.scope.value;
  const kind = form.elements.kind.value;
  for (const part of form.querySelectorAll("[data-for]")) {
    part.hidden = part.dataset.for !== scope && part.dataset.for !== kind;
  }
}

form.addEventListener("change", show);
show();
