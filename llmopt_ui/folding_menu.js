// The widths are those of `style.css`, where the menu lies over the page. What is folded here is no wish of the user, so
// it is not to be remembered for a wide window.
(() => {
  if (window.llmoptFoldsMenu) return;
  window.llmoptFoldsMenu = true;
  const narrow = window.matchMedia("(min-width: 769px) and (max-width: 960px)");
  const menu = () => document.querySelector('[data-testid="stSidebar"]');
  const remembered = () => Object.entries(localStorage).filter(([key]) => key.startsWith("stSidebarCollapsed-"));
  const FOLD = '[data-testid="stSidebarCollapseButton"] button';
  let folded = false, before = [];
  const press = (selector) => {
    const button = document.querySelector(selector);
    if (!button) return false;
    if (!folded) before = remembered();
    button.click();
    setTimeout(() => {
      remembered().forEach(([key]) => localStorage.removeItem(key));
      before.forEach(([key, value]) => localStorage.setItem(key, value));
    });
    return true;
  };
  const fold = () => {
    if (!narrow.matches || menu()?.dataset.collapsed !== "false") return;
    folded = press(FOLD) || folded;
  };
  const unfold = () => {
    if (folded && window.innerWidth > 960) press('[data-testid="stExpandSidebarButton"]');
    folded = false;
  };
  narrow.addEventListener("change", () => (narrow.matches ? fold() : unfold()));
  document.addEventListener("click", (event) => {
    const inside = menu()?.contains(event.target), link = event.target.closest('[data-testid="stSidebarNavLink"]');
    if (event.isTrusted && (link || (!inside && event.target.closest('[data-testid="stMain"]')))) setTimeout(fold);
  });
  // Streamlit unfolds it again at each change of the window's width; only a click is a wish.
  let wished = false;
  document.addEventListener("click", (event) => {
    if (event.isTrusted && event.target.closest('[data-testid="stExpandSidebarButton"]')) wished = true;
  }, true);
  const keep = new MutationObserver(() => {
    if (menu()?.dataset.collapsed === "true") wished = false;
    else if (!wished) fold();
  });
  const watch = new MutationObserver(() => {
    if (menu()?.dataset.collapsed !== "true" && !document.querySelector(FOLD)) return;
    watch.disconnect();
    fold();
    keep.observe(menu(), { attributes: true, attributeFilter: ["data-collapsed"] });
  });
  watch.observe(document.body, { childList: true, subtree: true });
})();
