// What a list is narrowed down to. Whoever takes a filter away by keyboard goes on at the next one.
import { createElement as h, useEffect, useRef } from "react";
import { saidDay } from "../figures/figures.jsx";

/** `filters`: {by, label, day}, a day standing after its label. `onDrop` is told the `by` of the one that was taken away. */
export function Filters({ name, filters, onDrop }) {
  const group = useRef(null);
  const dropped = useRef(null);
  useEffect(() => {
    if (dropped.current === null) return;
    const left = group.current.querySelectorAll("button");
    (left[Math.min(dropped.current, left.length - 1)] ?? group.current).focus();
    dropped.current = null;
  }, [filters.length]);
  const drop = (by, place) => {
    dropped.current = place;
    onDrop(by);
  };
  return h(
    "div",
    { className: "filters", role: "group", "aria-label": name, tabIndex: -1, ref: group },
    filters.map(({ by, label, day }, place) => {
      const said = day ? label + saidDay(day) : label;
      return h(
        "button",
        { key: by, type: "button", className: "filter", onClick: () => drop(by, place), "aria-label": `Remove ${said}` },
        said,
        h("span", { "aria-hidden": true }, "×"),
      );
    }),
  );
}
