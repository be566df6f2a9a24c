/* Local conveniences. Everything works without this file. */
(function () {
  "use strict";

  const status = () => document.getElementById("status");

  /* The one status line. Clearing first makes a repeated sentence heard again. What it says of a
     region (its id) holds until that is asked for again. */
  let about = "";
  let spoken = 0;  /* when */
  let saying = 0;
  function announce(sentence, region) {
    const line = status();
    if (!line || !sentence) return;
    about = region || "";
    spoken = Date.now();
    line.textContent = "";
    window.clearTimeout(saying);
    saying = window.setTimeout(() => { line.textContent = sentence; }, 50);
  }
  function hush(region) {
    if (!region || about !== region) return;
    about = "";
    window.clearTimeout(saying);
    status().textContent = "";
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

  /* One checkbox selects the page: <input type=checkbox data-selects="name">. It follows the others,
     and is not sent: its name is for whoever has no JavaScript, where it stands for all of them. */
  const boxes = (form, name) => [...form.elements].filter((box) => box.type === "checkbox" && box.name === name);
  document.addEventListener("change", (event) => {
    const { form, name, checked, dataset } = event.target;
    if (!form || event.target.type !== "checkbox") return;
    if (dataset.selects) for (const box of boxes(form, dataset.selects)) box.checked = checked;
    for (const all of form.querySelectorAll("[data-selects]")) {
      all.removeAttribute("name");
      if (all.dataset.selects === name) all.checked = boxes(form, name).every((box) => box.checked);
    }
  });

  /* Enter in a field presses the button that it names, and not the form's first one. */
  document.addEventListener("keydown", (event) => {
    const name = event.key === "Enter" && event.target.dataset && event.target.dataset.enter;
    if (!name || event.isComposing) return;
    event.preventDefault();
    document.getElementById(name).click();
  });

  /* What is typed there is no part of what the form says: nothing is counted anew. */
  document.addEventListener("change", (event) => {
    if (event.target.dataset && "alone" in event.target.dataset) event.stopPropagation();
  }, true);

  /* How many boxes of a name are on: <span data-counts="name" data-words="# chosen">. Hidden fields
     of that name stand for rows on other pages. */
  function count() {
    for (const place of document.querySelectorAll("[data-counts]")) {
      const fields = document.querySelectorAll(`main input[name="${place.dataset.counts}"]`);
      const chosen = [...fields].filter((field) => field.type === "hidden" || field.checked);
      const every = place.dataset.every && document.getElementById(place.dataset.every).checked;
      place.textContent = every ? place.dataset.everyWords
        : place.dataset.words.replace("#", chosen.length.toLocaleString(document.documentElement.lang));
    }
  }
  document.addEventListener("change", count);

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

  /* On a phone the filters are folded: what they leave comes first. Not where one is wrong. */
  function fold() {
    if (!window.matchMedia("(max-width: 47.99em)").matches) return;
    for (const part of document.querySelectorAll("details[data-wide]")) {
      if (!part.querySelector(".is-invalid")) part.open = false;
    }
  }

  function begin() {  /* the browser itself minds [autofocus] on a whole page */
    announceProgress(document, false);
    count();
    fold();
    const line = status();
    if (line && line.textContent.trim()) announce(line.textContent.trim());
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();

  /* What is looked for is asked once. Enter is a change and a submit, and what was typed would be
     looked for by itself a moment later. */
  const asking = new WeakMap();  /* by form: its last question, and the request that is under way */
  document.addEventListener("htmx:confirm", (event) => {
    const { elt, triggeringEvent } = event.detail;
    if (!elt.matches("form[role=search]")) return;
    const question = new URLSearchParams(new FormData(elt)).toString();
    const last = asking.get(elt);
    if (last && last.question === question && (last.request || triggeringEvent.type === "input")) event.preventDefault();
    else asking.set(elt, { question, request: null });
  });

  /* A region that says so when it takes long (.when-slow) does, and the status line with it. */
  const slow = new WeakMap();  /* by request: the timer */
  const SLOW = 5000;
  function isSlow(region) {
    const words = region.querySelector(".when-slow");
    if (!words) return;
    region.dataset.slow = "";
    announce(words.textContent, region.id);
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target.id === "preview") window.clearTimeout(counting);
    hush(event.detail.target.id);
    event.detail.target.setAttribute("aria-busy", "true");
    slow.set(event.detail.xhr, window.setTimeout(isSlow, SLOW, event.detail.target));
    const last = asking.get(event.detail.elt);
    if (last) last.request = event.detail.xhr;
  });
  const asked = (event) => event.detail.requestConfig.target || event.detail.target;
  document.addEventListener("htmx:beforeOnLoad", (event) => hush(asked(event).id));  /* "Still counting" */
  document.addEventListener("htmx:afterRequest", (event) => {
    asked(event).removeAttribute("aria-busy");  /* an answer may be for another region */
    window.clearTimeout(slow.get(event.detail.xhr));
    delete asked(event).dataset.slow;
    const last = asking.get(event.detail.elt);
    if (last && last.request === event.detail.xhr) last.request = null;
    if (event.detail.xhr.status < 400) signedIn();
  });
  let focusWasIn = null;  /* id of the region whose content held the focus before the swap */
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const stays = fragment.firstElementChild && target.isEqualNode(fragment.firstElementChild);
    if (stays) event.detail.shouldSwap = false;  /* and keeps the focus */
    else if (target.contains(document.activeElement)) focusWasIn = target.id;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    focusWasIn = event.detail.target.contains(document.activeElement) ? event.detail.target.id : null;
    if (event.detail.xhr.status === 401) signedOut(event);
    /* A whole page where a fragment was asked for: a redirect, mostly to "Sign in". Go there. An
       error page stays out of the region; htmx:responseError has said so. */
    const answer = event.detail.xhr;
    if (!/^\s*<!doctype/i.test(answer.responseText)) return;
    event.detail.shouldSwap = false;
    if (answer.status < 300) window.location.assign(answer.responseURL);
  });
  /* Back and forward ask for the page that was there. What is passed over is not waited for: it may
     come last. */
  let restoring = null;
  document.addEventListener("htmx:historyCacheMiss", (event) => {
    if (restoring) restoring.abort();
    restoring = event.detail.xhr;
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
  /* The server's HX-Trigger: {"announce": "Condition 3 added"}; and {"counted": {"words": "20
     cases would change.", "asked": false}}, which is said where it is another number than before. */
  document.addEventListener("announce", (event) => announce(event.detail.value));
  let counted = "";
  let counting = 0;
  document.addEventListener("counted", (event) => {
    const { words, asked: wanted } = event.detail;
    if (!wanted && words === counted) return;
    const say = () => { counted = words; announce(words, "preview"); };
    const atOnce = wanted || about === "preview";  /* "Condition 3 removed" is heard first */
    counting = window.setTimeout(say, atOnce ? 0 : Math.max(0, spoken + 3000 - Date.now()));
  });
  /* The number of a rule's preview is of what the form said when it was asked for. What is typed after
     makes it out of date, until it is counted or taken back. */
  function watchNumber(form) {
    let answered = new FormData(form);
    let last = answered;  /* what was asked last */
    /* Nobody types into hidden fields; and a row that stood closed left out what was chosen there
       from the start. */
    function saysOtherThan(before) {
      const now = new FormData(form);
      const fields = form.querySelectorAll("input:not([type=hidden],[data-alone]),select,textarea");
      return [...fields].some(({ name, type }) => (before.has(name) || type !== "select-one")
        && String(now.getAll(name)) !== String(before.getAll(name)));
    }
    function compare() {
      const counts = form.querySelector("#preview .when-counted") !== null;
      form.toggleAttribute("data-newer", counts && saysOtherThan(answered));
    }
    form.addEventListener("input", compare);
    document.addEventListener("htmx:beforeRequest", ({ detail }) => {
      if (detail.target.id === "preview") last = detail.requestConfig.formData;
    });
    document.addEventListener("htmx:afterSwap", ({ detail }) => {
      if (detail.target.id !== "preview") return;
      answered = detail.requestConfig.formData;
      compare();
    });
    /* What was half typed when it was asked, and then taken back, is no change to the browser. */
    form.addEventListener("focusout", ({ target }) => {
      if (!target.matches("input,textarea") || !saysOtherThan(last)) return;
      form.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
  const ruleForm = document.getElementById("rule-form");
  if (ruleForm) watchNumber(ruleForm);

  /* What could not be fetched: the region says that it is out of date until the next answer. */
  function failed(event, sentence) {
    if (event.detail.target) event.detail.target.dataset.stale = "";
    if (renewed.has(event.detail.requestConfig)) return;
    announce(status() && status().dataset[sentence], event.detail.target && event.detail.target.id);
  }
  document.addEventListener("htmx:responseError", (event) => failed(event, "failed"));
  document.addEventListener("htmx:timeout", (event) => failed(event, "failed"));
  document.addEventListener("htmx:sendError", (event) => failed(event, "offline"));

  /* Nobody was signed in any more: the answer says so in #signed-out, and the page stays as it is.
     The person signs in beside it; when they come back, what they asked for is asked again. */
  const refused = new Map();  /* by element: its last request */
  function signedOut(event) {
    const config = event.detail.requestConfig;
    refused.set(config.elt, config);
    asked(event).dataset.stale = "";
    if (config.triggeringEvent && config.triggeringEvent.type === "click") {
      window.setTimeout(() => document.getElementById("signed-out").focus(), 50);
    }
  }
  function signedIn() {
    const note = document.getElementById("signed-out");
    if (!note || !note.firstChild) return;
    note.replaceWith(Object.assign(document.createElement("div"), { id: "signed-out" }));
  }
  function askAgain(config) {
    if (!config.elt.isConnected) return;
    window.htmx.ajax(config.verb, config.path, {
      source: config.elt, target: config.target, headers: { "X-Again": "yes" },
    });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    const configs = [...refused.values()];
    refused.clear();
    configs.forEach(askAgain);
  });
  /* The page's token was that of the session that ended: here is the new one, for all its forms. */
  const renewed = new WeakSet();
  document.addEventListener("token", (event) => {
    for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = event.detail.value;
  });
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { requestConfig, xhr } = event.detail;
    if (xhr.status !== 400 || !/"token"/.test(xhr.getResponseHeader("HX-Trigger"))) return;
    if (renewed.has(requestConfig.elt) && requestConfig.headers["X-Again"]) return;  /* in vain */
    renewed.add(requestConfig).add(requestConfig.elt);
    window.setTimeout(() => askAgain(requestConfig));
  });

  /* A form that says data-unsaved is not left by accident: "yes" when it shows what was typed. */
  const unsaved = () => document.querySelector("form[data-unsaved=yes]");
  function typed(event) {
    const form = event.target.closest && event.target.closest("form[data-unsaved]");
    if (form) form.dataset.unsaved = "yes";
    /* What was asked for once is not asked for again with what is typed after. */
    if (form && event.type === "input") for (const field of form.querySelectorAll("[data-once]")) field.value = "";
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-sets]");
    if (button) button.form.elements[button.dataset.sets].value = "1";
  }, true);
  document.addEventListener("input", typed);
  document.addEventListener("change", typed);
  document.addEventListener("rows", () => {  /* rows were added or removed */
    for (const form of document.querySelectorAll("form[data-unsaved]")) form.dataset.unsaved = "yes";
  });
  document.addEventListener("submit", (event) => {
    const kept = event.target.dataset;
    if (!("unsaved" in kept)) return;
    const before = kept.unsaved;
    kept.unsaved = "sent";
    /* A download leaves the page as it is. */
    if (event.submitter && "stays" in event.submitter.dataset) window.setTimeout(() => { kept.unsaved = before; }, 500);
  });
  window.addEventListener("beforeunload", (event) => { if (unsaved()) event.preventDefault(); });
})();
