// Draws the charts of `ui.chart` from the tables behind them.
// @ts-check
"use strict";
(() => {
  const HEIGHT = 220;
  const COLOURS = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5", "--chart-6"];

  /** @param {string} name */
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** The columns of a table: numbers for the axis first. @param {HTMLTableElement} table */
  function columns(table) {
    const rows = [...table.tBodies[0].rows];
    const width = table.tHead?.rows[0].cells.length ?? 1;
    const lines = [rows.map((row) => Number(row.dataset.x))];
    for (let column = 1; column < width; column++) {
      lines.push(rows.map((row) => (row.cells[column].dataset.y ? Number(row.cells[column].dataset.y) : null)));
    }
    return lines;
  }

  /** @param {HTMLElement} figure */
  function draw(figure) {
    const table = figure.querySelector(".chart-data table");
    const place = figure.querySelector(".chart-canvas");
    if (!(table instanceof HTMLTableElement) || !table.tHead || !(place instanceof HTMLElement)) return;
    place.replaceChildren();
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent ?? "");
    const labels = [...table.tBodies[0].rows].map((row) => row.cells[0].textContent ?? "");
    const bars = figure.dataset.chart === "bars";
    const time = "time" in figure.dataset;
    const axis = { stroke: colour("--chart-text"), grid: { stroke: colour("--chart-grid"), width: 1 }, ticks: { show: false } };
    const places = { splits: () => labels.map((_, index) => index), values: () => labels, grid: { show: false } };
    const series = heads.slice(1).map((label, index) => ({
      label,
      stroke: colour(COLOURS[index % COLOURS.length]),
      fill: bars ? colour(COLOURS[index % COLOURS.length]) : undefined,
      width: 2,
      points: { show: labels.length < 3 },
      paths: bars ? uPlot.paths.bars({ size: [0.6, 48] }) : undefined,
    }));
    const options = {
      width: place.clientWidth,
      height: HEIGHT,
      scales: {
        x: time ? { time } : { time, range: () => [-0.5, labels.length - 0.5] },
        y: { range: (_, __, highest) => [0, Math.max(1, highest * 1.08)] },
      },
      cursor: { y: false },
      axes: [{ ...axis, ...(time ? {} : places) }, axis],
      series: [{ label: heads[0], value: (_, __, ___, index) => (index === null ? "–" : labels[index]) }, ...series],
    };
    const plot = new uPlot(options, columns(table), place);
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  }

  /** @param {ParentNode} part */
  function drawAll(part) {
    for (const figure of part.querySelectorAll("figure[data-chart]")) {
      if (figure instanceof HTMLElement) draw(figure);
    }
  }

  document.addEventListener("htmx:load", (event) => {
    if (event.target instanceof Element && event.target !== document.body) drawAll(event.target);
  });
  const repaint = new MutationObserver(() => window.requestAnimationFrame(() => drawAll(document)));
  repaint.observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
  drawAll(document);
})();
