// Copies the address of this page with other parameters. The origin and path are known only to the browser.
const LABEL = "Copy link";

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers offer the clipboard to pages from this machine or over TLS only; the old way works elsewhere.
    const field = document.createElement("textarea");
    field.value = text;
    field.style.position = "fixed";
    field.style.opacity = "0";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector(".copy-link");
  const label = button.querySelector("span");
  let timer = 0;
  button.title = data.what;
  label.textContent = LABEL;
  button.onclick = async () => {
    const link = `${location.origin}${location.pathname}?${data.query}`;
    if (await copied(link)) {
      label.textContent = "Copied";
    } else {
      window.prompt("Copy this link:", link);
    }
    clearTimeout(timer);
    timer = setTimeout(() => {
      label.textContent = LABEL;
    }, 2000);
  };
  return () => clearTimeout(timer);
}
