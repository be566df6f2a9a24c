/* Local conveniences. Everything works without this file. */
(function () {
  "use strict";

  const status = () => document.getElementById("status");

  /* The one status line. Clearing first makes a repeated sentence heard again. */
  function announce(sentence) {
    const line = status();
    if (!line || !sentence) return;
    line.textContent = "";
    window.setTimeout(() => { line.textContent = sentence; }, 50);
  }

  /* Menus are <details class="menu">: Esc closes and gives the focus back; so does a click outside. */
  const openMenus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      if (inside) menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });

  /* After a swap the focus goes to the error summary, else to what asks for it. */
  function focusIn(region) {
    const wanted = region.querySelector("#errors") || region.querySelector("[autofocus]");
    if (wanted) wanted.focus();
  }

  /* A table's head checkbox selects the page: <input type=checkbox data-selects="name">. */
  document.addEventListener("change", (event) => {
    const name = event.target.dataset && event.target.dataset.selects;
    if (!name || !event.target.form) return;
    for (const box of event.target.form.querySelectorAll("input[type=checkbox]")) {
      if (box.name === name) box.checked = event.target.checked;
    }
  });

  /* Progress fragments say something at each quarter: only when it is new. */
  const said = new Map();
  function announceProgress(region, speak) {
    const parts = [...region.querySelectorAll("[data-announce]")];
    if (region.matches && region.matches("[data-announce]")) parts.push(region);
    for (const part of parts) {
      const sentence = part.dataset.announce.trim();
      if (speak && sentence && said.get(part.id) !== sentence) announce(sentence);
      said.set(part.id, sentence);
    }
  }

  function begin() {  /* the browser itself minds [autofocus] on a whole page */
    announceProgress(document, false);
    const line = status();
    if (line && line.textContent.trim()) announce(line.textContent.trim());
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();

  document.addEventListener("htmx:beforeRequest", (event) => {
    event.detail.target.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    event.detail.target.removeAttribute("aria-busy");
  });
  let focusWasIn = null;  /* id of the region whose content held the focus before the swap */
  document.addEventListener("htmx:beforeSwap", (event) => {
    focusWasIn = event.detail.target.contains(document.activeElement) ? event.detail.target.id : null;
    /* A whole page where a fragment was asked for: a redirect, mostly to "Sign in". Go there. An
       error page stays out of the region; htmx:responseError has said so. */
    const answer = event.detail.xhr;
    if (!/^\s*<!doctype/i.test(answer.responseText)) return;
    event.detail.shouldSwap = false;
    if (answer.status < 300) window.location.assign(answer.responseURL);
  });
  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt === document.body) return;
    focusIn(event.detail.elt.parentElement && event.detail.elt.id === "errors"
      ? event.detail.elt.parentElement : event.detail.elt);
    announceProgress(event.detail.elt, true);
  });
  document.addEventListener("htmx:afterSettle", () => {
    /* What had the focus is gone (Stop, when the job has ended): stay where the person was. */
    const region = focusWasIn && document.getElementById(focusWasIn);
    focusWasIn = null;
    if (!region || document.activeElement !== document.body) return;
    if (!region.hasAttribute("tabindex")) region.tabIndex = -1;
    region.focus({ preventScroll: true });
  });
  /* The server's HX-Trigger: {"announce": "Condition 3 added"} */
  document.addEventListener("announce", (event) => announce(event.detail.value));
  /* What could not be fetched: the region says that it is out of date until the next answer. */
  function failed(event, sentence) {
    if (event.detail.target) event.detail.target.dataset.stale = "";
    announce(status() && status().dataset[sentence]);
  }
  document.addEventListener("htmx:responseError", (event) => failed(event, "failed"));
  document.addEventListener("htmx:timeout", (event) => failed(event, "failed"));
  document.addEventListener("htmx:sendError", (event) => failed(event, "offline"));
})();
