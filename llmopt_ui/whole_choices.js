// A closed select box is an input, which cuts what is longer without a sign; `style.css` writes the whole of a marked
// one over it, in as many lines as it takes.
(() => {
  if (window.llmoptShowsWholeChoices) return;
  window.llmoptShowsWholeChoices = true;
  const BOXES = '[data-testid="stSelectbox"] input[role="combobox"]';
  const mark = (input) => {
    const cut = input.value && input.scrollWidth > input.clientWidth + 1;
    if (cut) input.parentElement.dataset.choice = input.value;
    else delete input.parentElement.dataset.choice;
  };
  // Boxes are measured once a frame: drawing a page changes thousands of nodes.
  let waits = false;
  const markAll = () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      document.querySelectorAll(BOXES).forEach((input) => {
        sizes.observe(input);
        mark(input);
      });
    });
  };
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target)));
  new MutationObserver(markAll).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["value"],
  });
  // The font comes late, and is wider than the one before it.
  document.fonts.ready.then(markAll);
  markAll();
})();
