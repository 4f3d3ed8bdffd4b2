// Stacked bars by day. One day is in the tab order; arrow keys, Home and End go to the others. What a bar says in
// colours stands in words above it, in its label, and in the table.
import { createElement as h, useEffect, useId, useRef, useState } from "react";
import { said, saidDay } from "../figures/figures.jsx";

const TICKS = 4;
const LABELS = 7; // dates under the bars, at most
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity };

/**
 * `days`: {day, values, unpriced}, a value for each of `series`: {key, name}. `picked`: the day that stands out;
 * `onPick` is told the day that was pressed.
 */
export function Bars({ title, days, series, unit, picked = "", onPick }) {
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  return h(
    "figure",
    { className: "bars", "aria-labelledby": id },
    h(
      "figcaption",
      null,
      h("h2", { id }, title),
      h(
        "button",
        { type: "button", className: "btn quiet", "aria-pressed": asTable, onClick: () => setAsTable(!asTable) },
        "Show as table",
      ),
    ),
    asTable
      ? h(Table, { title, days, series, unit })
      : h(Plot, { title, days, series, unit, picked, onPick }),
  );
}

function Plot({ title, days, series, unit, picked, onPick }) {
  const [at, setAt] = useState(null); // under the pointer, or focused
  const columns = useRef([]);
  const plot = useRef(null);
  useEffect(() => {
    plot.current.scrollLeft = plot.current.scrollWidth; // where it doesn't fit, the latest days are what is looked at
  }, [days.length]);
  const totals = days.map((each) => sum(each.values));
  const step = tickOf(Math.max(...totals, 0), unit);
  const top = step * TICKS;
  const chosen = days.findIndex((each) => each.day === picked);
  const shown = at ?? (chosen < 0 ? null : chosen);
  const entry = Math.min(shown ?? days.length - 1, days.length - 1);
  const move = (event) => {
    const by = STEPS[event.key];
    if (by === undefined) return;
    event.preventDefault();
    columns.current[Math.min(Math.max(entry + by, 0), days.length - 1)].focus();
  };
  const every = Math.ceil(days.length / LABELS);
  return h(
    "div",
    null,
    h(Legend, { series }),
    h("p", { className: "bars-said", "aria-hidden": true }, shown === null ? "" : inWords(days[shown], series, unit)),
    h(
      "div",
      { className: "bars-frame" },
      h(
        "div",
        { className: "bars-ticks", "aria-hidden": true },
        [...Array(TICKS + 1).keys()].map((n) => h("span", { key: n }, said(step * n, unit === "usd" ? "usd" : "short"))),
      ),
      h(
        "div",
        { className: "bars-plot", ref: plot, role: "toolbar", "aria-label": `${title}: days`, onKeyDown: move },
        days.map((each, number) =>
          h(
            "button",
            {
              key: each.day,
              type: "button",
              className: "bars-day",
              ref: (node) => (columns.current[number] = node),
              tabIndex: number === entry ? 0 : -1,
              "aria-label": inWords(each, series, unit),
              "aria-pressed": each.day === picked,
              "data-dimmed": chosen >= 0 && chosen !== number,
              "data-day": number % every === 0 ? saidDay(each.day, "short") : undefined,
              onClick: () => onPick(each.day),
              onFocus: () => setAt(number),
              onBlur: () => setAt(null),
              onPointerEnter: () => setAt(number),
              onPointerLeave: () => setAt(null),
            },
            h(
              "span",
              { className: "bars-stack", style: { height: `${(100 * totals[number]) / top}%` } },
              each.values.map(
                (value, part) => value > 0 && h("i", { key: part, style: { flexGrow: value / totals[number], background: colour(part) } }),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

function Legend({ series }) {
  return h(
    "ul",
    { className: "bars-legend" },
    series.map(({ key, name }, part) => h("li", { key }, h("i", { style: { background: colour(part) } }), name)),
  );
}

function Table({ title, days, series, unit }) {
  const anyUnpriced = days.some((each) => each.unpriced > 0);
  const cells = (day) => [...day.values, sum(day.values)].map((value, part) => h("td", { key: part }, said(value, unit)));
  return h(
    "div",
    { className: "scroller", role: "region", "aria-label": `${title}, table`, tabIndex: 0 },
    h(
      "table",
      { className: "ledger" },
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          ["Day", ...series.map((each) => each.name), "All", ...(anyUnpriced ? ["Unpriced attempts"] : [])].map((name, n) =>
            h("th", { key: n, scope: "col" }, name),
          ),
        ),
      ),
      h(
        "tbody",
        null,
        days.map((each) =>
          h(
            "tr",
            { key: each.day },
            h("th", { scope: "row" }, saidDay(each.day)),
            cells(each),
            anyUnpriced && h("td", null, said(each.unpriced, "count")),
          ),
        ),
      ),
    ),
  );
}

function inWords(day, series, unit) {
  const parts = series.map(({ name }, n) => [name, day.values[n]]).filter(([, value]) => value > 0);
  const split = parts.length > 1 ? parts.map(([name, value]) => `${name} ${said(value, unit)}`).join(" · ") : parts[0]?.[0];
  const unpriced = day.unpriced > 0 ? `${said(day.unpriced, "count")} unpriced` : "";
  return [`${saidDay(day.day)}: ${said(sum(day.values), unit)}`, split, unpriced].filter(Boolean).join(" · ");
}

/** A round step so that TICKS of them hold `largest`. */
function tickOf(largest, unit) {
  const least = largest / TICKS;
  if (least <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((each) => each >= least);
  return unit === "usd" ? step : Math.max(1, Math.ceil(step));
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

function colour(part) {
  return `var(--chart-${part + 1})`;
}
