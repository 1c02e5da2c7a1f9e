// A page that grows can be stopped. The page's other script waits for its end, this one does not.
for (const stop of document.querySelectorAll("[data-stop]")) {
  stop.hidden = false;
  stop.addEventListener("click", () => { window.stop(); stop.hidden = true; });
  window.addEventListener("load", () => { stop.hidden = true; });
}
