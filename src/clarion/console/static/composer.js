// The composer: languages as tabs, a live preview, counters, and words that are inserted by a button. The form works without it.
// @ts-check
"use strict";
(() => {
  const PLACEHOLDER = /\{\{\s*(?:[\w.-]+\s*\|?)?\s*(?:"((?:[^"\\]|\\.)*)")?\s*\}\}/g;

  /** @param {ParentNode} part @param {string} name */
  const field = (part, name) => {
    const found = part.querySelector(`[data-field="${name}"]`);
    return found instanceof HTMLInputElement || found instanceof HTMLTextAreaElement || found instanceof HTMLSelectElement ? found : null;
  };

  /** Show one language in all previews. @param {HTMLElement} composer @param {Element} row */
  function preview(composer, row) {
    for (const name of ["title", "text"]) {
      const words = field(row, name)?.value.replace(PLACEHOLDER, (_all, fallback) => (fallback ?? "").replace(/\\(.)/g, "$1"));
      for (const place of composer.querySelectorAll(`[data-preview="${name}"]`)) {
        if (!(place instanceof HTMLElement)) continue;
        place.dataset.empty ??= place.textContent ?? "";
        place.textContent = words || place.dataset.empty;
      }
    }
    const image = Boolean(field(row, "image")?.value.trim());
    for (const place of composer.querySelectorAll('[data-preview="image"]')) {
      if (place instanceof HTMLElement) place.hidden = !image;
    }
    const labels = [...composer.querySelectorAll("input[data-button]")].map((one) => (one instanceof HTMLInputElement ? one.value.trim() : ""));
    for (const place of composer.querySelectorAll('[data-preview="buttons"]')) {
      place.replaceChildren(...labels.filter(Boolean).map((text) => Object.assign(document.createElement("span"), { textContent: text })));
    }
  }

  /** Count what was written. @param {Element} row */
  function count(row) {
    for (const hint of row.querySelectorAll("[data-counter]")) {
      const input = hint.parentElement?.querySelector("[data-good]");
      if (!(hint instanceof HTMLElement) || !(input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement)) continue;
      hint.dataset.words ??= hint.textContent ?? "";
      const length = [...input.value].length;
      hint.textContent = `${length} ${hint.dataset.words}`;
      hint.classList.toggle("over", length > Number(input.dataset.good));
      hint.hidden = false;
    }
  }

  /** What a tab is called. @param {Element} row */
  function nameOf(row) {
    const select = field(row, "lang");
    const chosen = select instanceof HTMLSelectElement && select.value ? select.selectedOptions[0]?.textContent : null;
    return chosen ?? row.querySelector("[data-name]")?.textContent ?? "";
  }

  /** @param {HTMLElement} composer */
  function prepare(composer) {
    if (composer.dataset.ready) return;
    composer.dataset.ready = "1";
    const rows = /** @type {HTMLElement[]} */ ([...composer.querySelectorAll("[data-translation]")]);
    const bar = document.createElement("div");
    bar.className = "tabs";
    bar.setAttribute("role", "tablist");
    const tabs = rows.map((row, n) => {
      const tab = Object.assign(document.createElement("button"), { type: "button", id: `tab-${n}`, className: "tab" });
      row.id = `translation-${n}`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", row.id);
      if (rows.length === 1) return tab;
      row.setAttribute("role", "tabpanel");
      row.setAttribute("aria-labelledby", tab.id);
      return tab;
    });
    let current = 0;
    /** @param {number} chosen @param {boolean} focus */
    const show = (chosen, focus = false) => {
      current = chosen;
      for (const [n, tab] of tabs.entries()) {
        tab.setAttribute("aria-selected", String(n === chosen));
        tab.tabIndex = n === chosen ? 0 : -1;
        rows[n].hidden = n !== chosen;
      }
      if (focus) tabs[chosen].focus();
      preview(composer, rows[chosen]);
    };
    const refresh = () => {
      for (const [n, row] of rows.entries()) {
        tabs[n].textContent = nameOf(row);
        tabs[n].classList.toggle("faulty", row.querySelector("[aria-invalid]") !== null);
        count(row);
      }
      preview(composer, rows[current]);
    };
    for (const [n, tab] of tabs.entries()) {
      tab.addEventListener("click", () => show(n));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step) show((n + step + tabs.length) % tabs.length, true);
      });
    }
    bar.append(...tabs);
    if (rows.length > 1) rows[0].before(bar);
    for (const inserts of composer.querySelectorAll("[data-inserts]")) {
      if (inserts instanceof HTMLElement) inserts.hidden = false;
    }
    composer.addEventListener("input", refresh);
    composer.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("[data-insert]") : null;
      const text = button?.closest("[data-translation]")?.querySelector("textarea");
      if (!(button instanceof HTMLElement) || !text) return;
      text.setRangeText(button.dataset.insert ?? "", text.selectionStart, text.selectionEnd, "end");
      text.focus();
      text.dispatchEvent(new Event("input", { bubbles: true }));
    });
    refresh();
    const faulty = rows.findIndex((row) => row.querySelector("[aria-invalid]"));
    const empty = rows.findIndex((row, n) => n > 0 && !field(row, "title")?.value);
    show(faulty >= 0 ? faulty : empty > 0 ? empty : 0);
  }

  /** @param {ParentNode} part */
  function all(part) {
    for (const composer of part.querySelectorAll("[data-composer]")) if (composer instanceof HTMLElement) prepare(composer);
  }
  document.addEventListener("htmx:load", () => all(document));
  all(document);
})();
