// Streamlit hands over a text area when it loses focus or at Ctrl+Enter. Half a second after the last key, and when the
// page is left, this presses Ctrl+Enter, so that a closed tab loses nothing that was typed.
export default function () {
  let timer = 0, typed = null;
  const hand = () => {
    clearTimeout(timer);
    if (!typed) return;
    const press = { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true, cancelable: true };
    typed.dispatchEvent(new KeyboardEvent("keydown", press));
    typed = null;
  };
  const heard = (event) => {
    if (!(event.target instanceof HTMLTextAreaElement) || !event.target.closest(".stTextArea")) return;
    clearTimeout(timer);
    typed = event.target;
    if (!event.isComposing) timer = setTimeout(hand, 500);
  };
  document.addEventListener("input", heard, true);
  document.addEventListener("compositionend", heard, true);
  document.addEventListener("visibilitychange", hand);
  window.addEventListener("pagehide", hand);
  return () => {
    hand();
    document.removeEventListener("input", heard, true);
    document.removeEventListener("compositionend", heard, true);
    document.removeEventListener("visibilitychange", hand);
    window.removeEventListener("pagehide", hand);
  };
}
