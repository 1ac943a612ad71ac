// Sorting by a click on a heading, and finding questions. All numbers and texts stand in the page without this.
const value = (row, column) => row.cells[column].textContent.trim();
const numeric = (text) => parseFloat(text.replace("−", "-").replace(/[$,+]/g, ""));
function sort(head) {
  const table = head.closest("table"), column = head.cellIndex, body = table.tBodies[0];
  const down = head.getAttribute("aria-sort") === "ascending";
  const rows = [...body.rows].sort((a, b) => {
    const [x, y] = [value(a, column), value(b, column)], [m, n] = [numeric(x), numeric(y)];
    // What is missing stays at the end either way.
    if (isNaN(m) !== isNaN(n)) return isNaN(m) ? 1 : -1;
    return (isNaN(m) ? x.localeCompare(y) : m - n) * (down ? -1 : 1);
  });
  table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows);
}
document.querySelectorAll("table.plain th").forEach((head) => {
  head.tabIndex = 0;
  head.title = "Sort";
  head.addEventListener("click", () => sort(head));
  head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(head); });
});
const find = document.getElementById("find"), examples = [...document.querySelectorAll("details.example")];
const texts = examples.map((example) => example.textContent.toLowerCase());
find.addEventListener("input", () => {
  const words = find.value.toLowerCase();
  examples.forEach((example, i) => { example.hidden = !texts[i].includes(words); });
  const count = examples.filter((example) => !example.hidden).length;
  document.getElementById("count").textContent = `${count} of ${examples.length} shown`;
});
document.getElementById("tools").hidden = false;
