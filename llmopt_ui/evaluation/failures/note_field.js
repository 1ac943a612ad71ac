// Keys inside the field for notes: Enter goes on to the next record, whose field then has the cursor.
const FIELD = ".st-key-failures_note_field input";

let record = "";

// The button that a key presses. Streamlit's shortcuts do the same outside the field; inside it takes some for itself.
function buttonFor(event) {
  const isCommand = event.ctrlKey || event.metaKey;
  if (event.key === "Enter" && !isCommand && !event.altKey) {
    return event.shiftKey ? "failures_right" : "failures_next";
  }
  if (event.key === "ArrowDown" && (isCommand || event.shiftKey)) {
    return isCommand ? "failures_next" : "failures_skip";
  }
  return event.key === "ArrowUp" && isCommand ? "failures_previous" : "";
}

export default function ({ data }) {
  // The last one: while a slow page is drawn, the field of the record before still stands above it.
  const field = () => [...document.querySelectorAll(FIELD)].at(-1);
  // Not on the first drawing: the page would jump to the field before anybody has looked at it.
  if (record && data.record !== record) {
    // The field of the other record is drawn after this.
    for (const wait of [80, 400, 1200]) {
      setTimeout(() => {
        // Not where the reader has gone on to something else.
        if (document.activeElement === document.body || document.activeElement?.matches(`${FIELD}, button`)) {
          field()?.focus({ preventScroll: true });
        }
      }, wait);
    }
  }
  record = data.record;

  const press = (event) => {
    // Also not while a word of Chinese or Japanese is being put together.
    const button = event.target === field() && !event.isComposing ? buttonFor(event) : "";
    if (!button) {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    // The last letters are sent now, before the move, and not when typing has paused.
    event.target.blur();
    document.querySelector(`.st-key-${button} button`)?.click();
  };
  // Before Streamlit's own shortcuts, which would move first.
  document.addEventListener("keydown", press, true);
  return () => document.removeEventListener("keydown", press, true);
}
