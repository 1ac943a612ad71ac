// Draws a window of a document with its chunks, and reports the text that is marked in it.
// Text only ever becomes text nodes. Offsets are counted in code points, as everywhere else.
const BANDS = [[0, 114, 178], [0, 158, 115], [204, 121, 167], [86, 180, 233]];

const points = (text) => Array.from(text).length;

function fill(numbers, strong) {
  const colours = numbers.map((n) => {
    const [r, g, b] = BANDS[n % BANDS.length];
    return `rgba(${r},${g},${b},${strong ? 0.5 : 0.24})`;
  });
  if (colours.length === 1) return colours[0];
  const stripes = colours.map((colour, k) => `${colour} ${k * 5}px ${k * 5 + 5}px`);
  return `repeating-linear-gradient(135deg,${stripes.join(",")})`;
}

function piece(row, chunks) {
  const [text, start, over, begins, flags] = row;
  const made = [];
  for (const n of begins) {
    const chunk = chunks[n];
    const mark = document.createElement(chunk.rank ? "b" : "i");
    mark.textContent = chunk.rank ? `#${chunk.rank}` : String(n + 1);
    mark.title = chunk.told;
    if (chunk.found) mark.className = "mic-found";
    made.push(mark);
  }
  const span = document.createElement("span");
  span.textContent = text.replaceAll("\0", "\uFFFD");
  span.dataset.start = String(start);
  if (over.length) {
    span.style.background = fill(over, over.some((n) => chunks[n].found));
    span.title = over.map((n) => chunks[n].told).join("\n");
  } else if (flags.includes("c")) span.classList.add("mic-bare");
  if (flags.includes("u")) span.classList.add("mic-unseen");
  if (flags.includes("g")) span.classList.add("mic-gold");
  made.push(span);
  return made;
}

function place(from, to, name, title) {
  const bar = document.createElement("div");
  bar.className = name;
  bar.style.left = `${100 * from}%`;
  bar.style.width = `${100 * (to - from)}%`;
  if (title) bar.title = title;
  return bar;
}

function strip(data, trigger) {
  const bar = document.createElement("div");
  bar.className = "mic-strip";
  bar.title = data.strip.told;
  bar.append(...data.strip.hits.map(([a, b, told]) => place(a, b, "mic-hit", told)));
  bar.append(...data.strip.references.map(([a, b]) => place(a, b, "mic-ref", "")));
  bar.append(place(data.strip.window[0], data.strip.window[1], "mic-here", ""));
  bar.addEventListener("click", (event) => {
    const box = bar.getBoundingClientRect();
    trigger("jump", Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  });
  return bar;
}

// Where a boundary of the selection stands in the document.
function offset(node, at, text) {
  const spans = [...text.querySelectorAll("span[data-start]")];
  if (node.nodeType === Node.TEXT_NODE && node.parentElement?.dataset.start !== undefined) {
    return Number(node.parentElement.dataset.start) + points(node.data.slice(0, at));
  }
  const range = document.createRange();
  range.setStart(node, at);
  for (const span of spans) {
    range.setEnd(node, at);
    if (range.comparePoint(span, 0) >= 0) return Number(span.dataset.start);
  }
  const last = spans.at(-1);
  return last ? Number(last.dataset.start) + points(last.textContent) : 0;
}

function marked(text) {
  const chosen = document.getSelection();
  if (!chosen || chosen.isCollapsed || !chosen.rangeCount) return null;
  const range = chosen.getRangeAt(0);
  if (!text.contains(range.startContainer) || !text.contains(range.endContainer)) return null;
  const start = offset(range.startContainer, range.startOffset, text);
  const end = offset(range.endContainer, range.endOffset, text);
  return end > start ? [start, end] : null;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".mic");
  const kept = root.querySelector(".mic-text");
  const same = root.dataset.place === data.place;
  const scroll = same && kept ? kept.scrollTop : 0;
  root.dataset.place = data.place;
  const text = document.createElement("div");
  text.className = "mic-text";
  text.dir = "auto";
  text.style.height = `${data.height}px`;
  text.append(...data.pieces.flatMap((row) => piece(row, data.chunks)));
  root.replaceChildren(...(data.strip ? [strip(data, setTriggerValue)] : []), text);
  text.scrollTop = scroll;
  if (!same) {
    const gold = text.querySelector(".mic-gold");
    if (gold) text.scrollTop = Math.max(0, gold.offsetTop - text.offsetTop - data.height / 3);
  }
  if (!data.marking) return;
  const report = () => {
    const span = marked(text);
    if (span) setStateValue("marked", span);
  };
  text.addEventListener("mouseup", () => setTimeout(report, 0));
  text.addEventListener("keyup", report);
  text.tabIndex = 0;
}
