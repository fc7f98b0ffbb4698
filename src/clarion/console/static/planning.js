// Lists to pick from: what is chosen is told beside their names, and long ones can be searched. The form works without it.
// @ts-check
"use strict";
(() => {
  /** @param {HTMLElement} pick */
  function prepare(pick) {
    if (pick.dataset.ready) return;
    pick.dataset.ready = "1";
    const chosen = pick.querySelector("[data-chosen]");
    const search = pick.querySelector("[data-search]");
    const labels = /** @type {HTMLElement[]} */ ([...pick.querySelectorAll(".tick-list label")]);
    const tell = () => {
      const names = labels.filter((label) => label.querySelector("input:checked")).map((label) => label.textContent?.trim() ?? "");
      const side = pick.querySelector("select");
      const words = side && names.length ? `${side.selectedOptions[0]?.textContent ?? ""}: ` : "";
      if (chosen instanceof HTMLElement) chosen.textContent = words + names.join(", ") || (chosen.dataset.any ?? "");
    };
    pick.addEventListener("change", tell);
    if (search instanceof HTMLInputElement) {
      search.hidden = false;
      search.addEventListener("change", (event) => event.stopPropagation());
      search.addEventListener("keydown", (event) => {
        if (event.key === "Enter") event.preventDefault();
      });
      search.addEventListener("input", (event) => {
        event.stopPropagation();
        const wanted = search.value.trim().toLocaleLowerCase();
        for (const label of labels) label.hidden = !(label.textContent ?? "").toLocaleLowerCase().includes(wanted);
      });
    }
    tell();
  }
  for (const pick of document.querySelectorAll("[data-pick]")) if (pick instanceof HTMLElement) prepare(pick);
})();
