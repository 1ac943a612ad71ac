// Draws the histogram of chunk sizes. All places are shares of the picture.
function box(name, style = {}, text = "") {
  const made = document.createElement("div");
  made.className = name;
  Object.assign(made.style, style);
  made.textContent = text;
  return made;
}

const percent = (share) => `${100 * share}%`;

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".sizes");
  root.setAttribute("role", "img");
  root.setAttribute("aria-label", data.told);
  const plot = box("sizes-plot");
  for (const [place, text] of data.up) {
    const level = box("sizes-level", { bottom: percent(place) });
    level.append(Object.assign(document.createElement("span"), { textContent: text }));
    plot.append(level);
  }
  const hint = box("sizes-hint");
  for (const [left, width, height, beyond, told] of data.bars) {
    // The whole column is pointed at, so that small bars can be met; the bar inside shows the number.
    const column = box("sizes-column", { left: percent(left), width: percent(width) });
    column.append(box(beyond ? "sizes-bar sizes-beyond" : "sizes-bar", { height: percent(height) }));
    column.addEventListener("mouseenter", () => {
      hint.textContent = told;
      hint.style[left < 0.5 ? "left" : "right"] = percent(left < 0.5 ? left : 1 - left - width);
      hint.style[left < 0.5 ? "right" : "left"] = "";
      hint.style.display = "block";
    });
    column.addEventListener("mouseleave", () => {
      hint.style.display = "";
    });
    plot.append(column);
  }
  if (data.window) {
    const [place, text] = data.window;
    const line = box("sizes-window", { left: percent(place) });
    line.append(box(place > 0.8 ? "sizes-name sizes-name-left" : "sizes-name", {}, text));
    plot.append(line);
  }
  plot.append(hint);
  const across = box("sizes-across");
  for (const [place, text] of data.across) across.append(box("sizes-mark", { left: percent(place) }, text));
  root.replaceChildren(box("sizes-title", {}, data.titles[1]), plot, across, box("sizes-title sizes-below", {}, data.titles[0]));
}
