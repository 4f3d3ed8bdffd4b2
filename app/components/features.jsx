// What serves a feature, as fields of a form: its default, and sections' overrides.
//
// A field's text is `<service config>:<version>`, as stored; what was chosen anew ends in `:edited`. An override that
// shall go has `remove` in place of the config, a new one has no version. The field of the default has the feature's
// name, an override's `<feature>@<section>`; `<feature>+added` holds the sections that got an override in this form.
import { createElement as h, useEffect, useId, useRef, useState } from "react";
import { Link } from "react-router";
import { useField } from "../fields/fields.jsx";
import { SectionPicker } from "../sections/sections.jsx";

const EDITED = "edited";
const REMOVE = "remove";
const NOT_CHOSEN = "choose";

/**
 * `name`: what people call the feature. `choices`: {id, name, chain, warning} of the configs that fit. `overrides`: {id, slug, title, course, value} of the
 * sections that have one, as far as they were loaded; `more`: there are others. `found`: as in SectionPicker.
 */
export function FeatureFields({ feature, name, stored, choices, overrides, more, found, onSearch, onMore }) {
  const added = useField(`${feature}+added`);
  const [adding, setAdding] = useState(false);
  const root = useRef(null);
  const focus = useFocusNext(root);
  const listed = new Set(overrides.map(({ id }) => id));
  const extra = (added.value ? JSON.parse(added.value) : []).filter(({ id }) => !listed.has(id));
  const rows = [...overrides, ...extra];
  const keep = (sections) => added.change(sections.length ? JSON.stringify(sections) : "");
  const stop = () => {
    setAdding(false);
    focus(".add-override");
  };
  const pick = (section) => {
    keep([...extra, { ...section, value: "" }]);
    setAdding(false);
    focus(`[data-section="${CSS.escape(section.id)}"] select`);
  };
  const leave = (section) => {
    keep(extra.filter(({ id }) => id !== section.id));
    focus(".add-override");
  };
  const row = (section) =>
    h(Override, { key: section.id, feature, section, choices, onLeave: section.value ? null : () => leave(section) });
  const button = (label, className, act, disabled) =>
    h("button", { type: "button", className: `btn ${className}`, "aria-label": `${label}: ${name}`, disabled, onClick: act }, label);
  return h(
    "div",
    { className: "feature-fields", ref: root },
    h(Default, { feature, stored, choices }),
    rows.length > 0 && h("ul", { className: "overrides", "aria-label": `Overrides: ${name}` }, rows.map(row)),
    h(
      "div",
      { className: "buttons" },
      more && button("Show more overrides", "", onMore, false),
      !adding && button("Override in a section", "add-override", () => setAdding(true), added.working || !choices.length),
    ),
    adding &&
      h(SectionPicker, {
        label: "Override in which section?",
        found,
        taken: rows.map(({ id }) => id),
        why: "has an override",
        disabled: added.working,
        focused: true,
        onSearch,
        onPick: pick,
        onLeave: stop,
      }),
  );
}

/** Give the focus to what a selector finds, once it is drawn. */
function useFocusNext(root) {
  const wanted = useRef("");
  useEffect(() => {
    const node = wanted.current && root.current.querySelector(wanted.current);
    if (!node) return;
    wanted.current = "";
    node.focus();
  });
  return (selector) => (wanted.current = selector);
}

/** What serves a feature wherever nothing else is said. */
function Default({ feature, stored, choices }) {
  const field = useField(feature);
  const text = field.value || stored;
  const hint = text ? "" : "Nothing serves this yet: whoever uses it is told that no model is set up.";
  return h("div", { className: "field" }, h(Config, { field, text, stored, choices, label: "By default", hint }));
}

/** What serves a feature in one section. */
function Override({ feature, section, choices, onLeave }) {
  const field = useField(`${feature}@${section.id}`);
  const stored = section.value;
  const text = field.value || stored || `${NOT_CHOSEN}:`;
  const [config, version] = text.split(":");
  const removed = config === REMOVE;
  const name = `${section.course}, ${section.title}`;
  const leave = () => {
    field.change("");
    onLeave();
  };
  const remove = () => (onLeave ? leave() : field.change(`${REMOVE}:${version}:${EDITED}`));
  useEffect(() => {
    if (!stored && !field.value) field.change(`${NOT_CHOSEN}::${EDITED}`);
  }, [stored, field.value]);
  const button = (label, act) =>
    h("button", { type: "button", className: "btn", disabled: field.working, "aria-label": `${label} for ${name}`, onClick: act }, label);
  return h(
    "li",
    { "data-section": section.id, "data-removed": removed || undefined },
    h("div", { className: "override-place" }, h("span", { className: "title" }, name), h("span", { className: "meta" }, section.slug)),
    removed
      ? h("p", { className: "field meta" }, "The default will serve here again when you save.")
      : h("div", { className: "field" }, h(Config, { field, text, stored, choices, label: `Service config for ${name}`, quiet: true })),
    removed ? button("Keep", () => field.change(stored)) : button("Remove", remove),
  );
}

/** A select, and what the chosen config means. */
function Config({ field, text, stored, choices, label, hint = "", quiet = false }) {
  const id = useId();
  const [config, version = ""] = text.split(":");
  const chosen = choices.find((choice) => choice.id === config);
  const change = (event) => {
    const picked = event.target.value;
    field.change(stored.startsWith(`${picked}:`) ? stored : `${picked}:${version}:${EDITED}`);
  };
  const notes = [
    field.error && h("span", { key: "error", className: "err", id: `${id}-error` }, field.error),
    hint && h("span", { key: "hint", className: "hint", id: `${id}-hint` }, hint),
    chosen &&
      h(
        "span",
        { key: "chain", className: "hint" },
        h("span", { id: `${id}-chain` }, "Asks ", chosen.chain),
        " · ",
        h(Link, { to: `/admin/services/${chosen.id}`, "aria-label": `Open ${chosen.name}` }, "Open"),
      ),
    chosen?.warning && h("span", { key: "warning", className: "warning", id: `${id}-warning` }, chosen.warning),
    !choices.length && h("span", { key: "none", className: "hint" }, "No service config fits. ", h(Link, { to: "/admin/services/new" }, "Make one")),
  ].filter(Boolean);
  const described = [field.error && `${id}-error`, hint && `${id}-hint`, chosen && `${id}-chain`, chosen?.warning && `${id}-warning`];
  return [
    h("label", { key: "label", htmlFor: id, className: quiet ? "hidden" : undefined }, label),
    h(
      "select",
      {
        key: "select",
        id,
        value: chosen ? config : "",
        disabled: field.working || !choices.length,
        "aria-invalid": field.error ? true : undefined,
        "aria-describedby": described.filter(Boolean).join(" ") || undefined,
        onChange: change,
      },
      !chosen && h("option", { value: "" }, "Choose a service config…"),
      choices.map((choice) => h("option", { key: choice.id, value: choice.id }, choice.name)),
    ),
    ...notes,
  ];
}
