// Sorts a table by the column whose heading is chosen; the page reads just as well without.
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("thead th").forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const rows = [...table.tBodies[0].rows].sort((one, other) => {
        const [a, b] = [value(one), value(other)];
        const numbers = a !== "" && b !== "" && !isNaN(a) && !isNaN(b);
        return (numbers ? a - b : a.localeCompare(b)) * (down ? -1 : 1);
      });
      table.tBodies[0].append(...rows);
    });
  });
}
