// Which days and lesson a page is about. They stand in its address: a link, the back button and a reload keep them.
import { createElement as h, useEffect, useId, useState } from "react";
import { useSearchParams } from "react-router";
import { saidDay } from "../figures/figures.jsx";

const DAY_MS = 86_400_000;
const PERIODS = [
  ["7", "7 days"],
  ["28", "4 weeks"],
  ["84", "12 weeks"],
];
const OTHER = "other";

/** `today`, `first`, `last`: days like 2026-03-01. `lessons`: {key, title}; `lesson` is the key of the chosen one. */
export function Narrowing({ today, first, last, lesson = "", lessons = [], zone = "", byLesson = true }) {
  const [, setParams] = useSearchParams();
  const [other, setOther] = useState(false);
  const id = useId();
  const set = (changes) =>
    setParams((before) => {
      const next = new URLSearchParams(before);
      for (const [name, value] of Object.entries(changes)) value ? next.set(name, value) : next.delete(name);
      return next;
    });
  const preset = PERIODS.find(([days]) => last === today && first === dayBefore(today, days - 1))?.[0] ?? OTHER;
  const period = other ? OTHER : preset;
  useEffect(() => setOther(false), [first, last]);
  const choose = (days) => (days === OTHER ? setOther(true) : set({ from: dayBefore(today, days - 1), to: today }));
  const show = (event) => {
    event.preventDefault();
    const typed = new FormData(event.currentTarget);
    set({ from: typed.get("from"), to: typed.get("to") });
  };
  return h(
    "div",
    { className: "choosing" },
    h(
      "fieldset",
      { className: "segments" },
      h("legend", { className: "hidden" }, "Period"),
      [...PERIODS, [OTHER, "Other"]].map(([value, label]) =>
        h(
          "label",
          { key: value },
          h("input", { type: "radio", name: id, value, checked: period === value, onChange: () => choose(value) }),
          label,
        ),
      ),
    ),
    byLesson &&
      h(
        "label",
        { className: "narrowing-lesson" },
        h("span", { className: "hidden" }, "Lesson"),
        h(
          "select",
          { value: lesson, onChange: (event) => set({ lesson: event.target.value }) },
          h("option", { value: "" }, "All lessons"),
          lessons.map(({ key, title }) => h("option", { value: key, key }, title)),
        ),
      ),
    period === OTHER &&
      h(
        "form",
        { className: "days", onSubmit: show, key: `${first} ${last}` },
        day(`${id}-from`, "from", "From", first),
        day(`${id}-to`, "to", "To", last),
        h("button", { type: "submit", className: "btn" }, "Show"),
      ),
    first && h("p", { className: "meta" }, saidDay(first, "date"), " to ", saidDay(last, "date"), zone && ` · ${zone}`),
  );
}

function day(id, name, label, value) {
  return h(
    "div",
    { className: "field" },
    h("label", { htmlFor: id }, label),
    h("input", { type: "date", id, name, defaultValue: value, required: true }),
  );
}

function dayBefore(day, days) {
  return new Date(Date.parse(`${day}T00:00:00Z`) - days * DAY_MS).toISOString().slice(0, 10);
}
