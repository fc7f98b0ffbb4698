// Small conveniences: questions as dialogs, buttons that copy. Every page works without them.
// @ts-check
"use strict";
(() => {
  /** Turn the unfolding question of `ui.confirm` into a dialog. @param {HTMLDetailsElement} details */
  function ask(details) {
    const body = details.querySelector(".confirm-body");
    if (!body) return;
    const dialog = document.createElement("dialog");
    dialog.className = "confirm-dialog";
    const title = body.querySelector(".confirm-title");
    if (title) dialog.setAttribute("aria-label", title.textContent ?? "");
    dialog.append(body);
    details.append(dialog);
    const summary = details.querySelector("summary");
    for (const button of body.querySelectorAll("[data-close]")) {
      if (!(button instanceof HTMLElement)) continue;
      button.hidden = false;
      button.addEventListener("click", () => dialog.close());
    }
    dialog.addEventListener("close", () => {
      details.append(body);
      details.open = false;
      dialog.remove();
      summary?.focus();
    });
    details.open = true;
    dialog.showModal();
  }

  /** Offer to copy. @param {HTMLButtonElement} button */
  async function copy(button) {
    await navigator.clipboard.writeText(button.dataset.copy ?? "");
    button.classList.add("copied");
    window.setTimeout(() => button.classList.remove("copied"), 1500);
  }

  /** Show what only works with script. @param {ParentNode} part */
  function prepare(part) {
    for (const button of part.querySelectorAll("button[data-copy]")) {
      if (button instanceof HTMLElement) button.hidden = !navigator.clipboard;
    }
  }

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const summary = event.target.closest("details[data-confirm] > summary");
    if (summary instanceof HTMLElement && summary.parentElement instanceof HTMLDetailsElement) {
      event.preventDefault();
      ask(summary.parentElement);
    }
    const button = event.target.closest("button[data-copy]");
    if (button instanceof HTMLButtonElement) void copy(button);
  });
  document.addEventListener("htmx:load", (event) => {
    if (event.target instanceof Element) prepare(event.target);
  });
  prepare(document);
})();
