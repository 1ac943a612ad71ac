"""What stands in the cells of data tables, which are drawn on a canvas: whether each is there whole."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.harness import settled

WATCH = """(() => {
  const context = CanvasRenderingContext2D.prototype, states = new WeakMap();
  const of = (c) => states.get(c) ?? states.set(c, { path: null, clip: null, saved: [] }).get(c);
  const before = (name, act) => {
    const own = context[name];
    context[name] = function (...given) { act(of(this), ...given); return own.apply(this, given); };
  };
  before('save', (state) => state.saved.push(state.clip));
  before('restore', (state) => { if (state.saved.length) state.clip = state.saved.pop(); });
  before('beginPath', (state) => { state.path = null; });
  before('rect', (state, x, y, width, height) => { state.path = { x, width }; });
  before('clip', (state) => { if (state.path) state.clip = state.path; });
  let canvases = 0;
  window.drawnTexts = [];
  const draw = context.fillText;
  context.fillText = function (text, x, y, ...rest) {
    const state = of(this), width = this.measureText(text).width;
    state.number ??= ++canvases;
    const left = this.textAlign === 'right' ? x - width : this.textAlign === 'center' ? x - width / 2 : x;
    if (state.clip)
      window.drawnTexts.push({ text, y, left, right: left + width, canvas: state.number,
                               from: state.clip.x, to: state.clip.x + state.clip.width });
    return draw.call(this, text, x, y, ...rest);
  };
})();"""
"""Runs before the page: notes each text that is drawn, with the edges of its column."""

_CELLS = r"""() => [...document.querySelectorAll('[data-testid="stDataFrame"]')].flatMap((e) => {
  if (!e.offsetParent) return [];
  const rows = [...e.querySelectorAll('canvas [role="row"]')], box = e.querySelector('.dvn-scroller');
  const scrolls = rows.length > 8 || (box && box.scrollHeight > box.clientHeight + 1);
  const seen = scrolls ? rows.slice(0, -2) : rows;
  const texts = seen.flatMap((row) => [...row.querySelectorAll('[role="gridcell"]')].map((cell) => cell.textContent));
  return texts.filter((text) => !/^[-\d.:+ ]*$/.test(text));
})"""
"""Texts of all cells but numbers, and but those of the last rows of a table that scrolls, which may be half outside."""


def cut_cells(page: Page) -> list[str]:
    """Cells and names of columns that are not whole, in all tables that are shown now."""
    if not page.get_by_test_id("stDataFrame").filter(visible=True).count():
        return []
    size = page.viewport_size
    assert size
    # Everything is drawn anew in its last places; what was drawn on the way there does not count.
    page.set_viewport_size({"width": size["width"], "height": 3000})
    settled(page)
    page.evaluate("window.drawnTexts = []")
    page.set_viewport_size({"width": size["width"] + 1, "height": 3000})
    settled(page)
    drawn, cells = page.evaluate("window.drawnTexts"), page.evaluate(_CELLS)
    page.set_viewport_size(size)
    settled(page)
    over = [one for one in drawn if one["right"] > one["to"] + 0.5 or one["left"] < one["from"] - 0.5]
    columns: dict[tuple[int, float], dict[float, str]] = {}
    for one in drawn:
        columns.setdefault((one["canvas"], one["from"]), {})[one["y"]] = one["text"]
    whole = ["".join("".join(text for _, text in sorted(lines.items())).split()) for lines in columns.values()]
    short = [cell for cell in cells if not any("".join(cell.split()) in column for column in whole)]
    return sorted({*(one["text"] for one in over), *short})
