/* Arrivals as columns, one for five minutes; the column of now is pale, since it still grows.
 *
 *   const chart = createArrivals(figure, {zone, read(start, people) -> words, say(words or null)})
 *   chart.draw([[start in epoch seconds, people], …])
 */
import uPlot from "../vendor/uplot.js";
import { eventNow } from "./clock.js";

const BUCKET_S = 300, LEAST_WIDTH_S = 3600, HEIGHT = 240;

export function createArrivals(figure, { zone, read, say }) {
  let plot = null, rows = [], drawn = "";
  const colour = (name) => getComputedStyle(figure).getPropertyValue(name).trim();
  const none = figure.querySelector("[data-none]");

  function build() {
    plot?.destroy();
    plot = new uPlot(options(figure, zone, colour, () => rows, onCursor), columns(rows), figure);
  }

  function onCursor(index) {
    const row = index === null ? null : rows[index];
    say(row ? read(...row) : null);
  }

  function draw(news) {
    if (JSON.stringify(news) === drawn) return;
    drawn = JSON.stringify(news);
    rows = news;
    none.hidden = rows.length > 0;
    figure.dataset.columns = rows.length;
    if (!rows.length) return;
    if (plot) plot.setData(columns(rows));
    else build();
  }

  new ResizeObserver(() => plot?.setSize({ width: figure.clientWidth, height: HEIGHT })).observe(figure);
  const again = () => { if (plot) build(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return { draw };
}

const columns = (rows) => [rows.map(([start]) => start), rows.map(([, people]) => people)];

function options(figure, zone, colour, rows, onCursor) {
  const soft = colour("--soft"), line = colour("--line"), full = colour("--chart");
  const font = `16px ${getComputedStyle(figure).fontFamily}`;
  const axis = { font, stroke: soft, ticks: { show: false }, gap: 8 };
  const clock = new Intl.DateTimeFormat("zh-CN", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return {
    width: figure.clientWidth, height: HEIGHT, padding: [8, 28, 0, 0], legend: { show: false }, tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone),
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { range: (_u, least, most) => [least, Math.max(most + BUCKET_S, least + LEAST_WIDTH_S)] },
              y: { range: (_u, _least, most) => [0, Math.max(5, most * 1.08)] } },
    axes: [{ ...axis, size: 34, grid: { show: false }, space: 70, incrs: [300, 600, 900, 1800, 3600, 7200], values: (_u, times) => times.map((s) => clock.format(s * 1000)) },
           { ...axis, size: 44, grid: { stroke: line, width: 1 }, border: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], space: 48 }],
    series: [{}, { stroke: "transparent", fill: full, width: 0, points: { show: false },
                   paths: uPlot.paths.bars({ size: [0.72, 48], align: 1, radius: 0.12, disp: { fill: { unit: 3, values: () => shades(rows(), full) } } }) }],
    hooks: { setCursor: [(u) => onCursor(u.cursor.left >= 0 ? u.cursor.idx ?? null : null)] },
  };
}

function shades(rows, full) {
  const open = Math.floor(eventNow().getTime() / 1000 / BUCKET_S) * BUCKET_S;
  return rows.map(([start]) => (start >= open ? `color-mix(in srgb, ${full} 55%, transparent)` : full));
}
