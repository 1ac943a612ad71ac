// A heat map tells Streamlit of no click: this hands over row and column of the cell that was clicked. Points that lie
// unseen over each cell would do the same, and take ten times as long to draw as the map.
export default function ({ data, setTriggerValue }) {
  let map = null;
  const heard = (event) => {
    const place = event.points?.find((point) => Array.isArray(point.pointNumber))?.pointNumber;
    if (place) setTriggerValue("cell", place);
  };
  const listen = () => {
    const found = document.querySelector(`.st-key-${data.place} .js-plotly-plot`);
    // Plotly gives the element its `on` when it has drawn it.
    if (!found?.on || found === map) return;
    map?.removeListener?.("plotly_click", heard);
    map = found;
    map.on("plotly_click", heard);
  };
  listen();
  const watch = new MutationObserver(listen);
  watch.observe(document.body, { childList: true, subtree: true });
  return () => {
    watch.disconnect();
    map?.removeListener?.("plotly_click", heard);
  };
}
