// What serves a feature, as fields of a form: its default, and sections' overrides.
//
// A field's text is `<service config>:<version>`, as stored; what was chosen anew ends in `:edited`. An override that
// shall go has `remove` in place of the config, a new one has no version. The field of the default has the feature's
// name, an override's `<feature>@<section>`; `<feature>+added` holds the sections that got an override in this form.
import { createElement as h, useEffect, useId, useRef } from "react";
import { useField } from "../fields/fields.jsx";
import { SectionPicker } from "../sections/sections.jsx";

const EDITED = "edited";
const REMOVE = "remove";
const NOT_CHOSEN = "choose";

/**
 * `choices`: {id, name, chain, warning} of the configs that fit. `overrides`: {id, slug, title, course, value} of the
 * sections that have one, as far as they were loaded; `more`: there are others. `found`: as in SectionPicker.
 */
export function FeatureFields({ feature, stored, choices, overrides, more, found, onSearch, onMore }) {
  const added = useField(`${feature}+added`);
  const root = useRef(null);
  const fresh = useRef("");
  const listed = new Set(overrides.map(({ id }) => id));
  const extra = (added.value ? JSON.parse(added.value) : []).filter(({ id }) => !listed.has(id));
  const rows = [...overrides, ...extra];
  const keep = (sections) => added.change(sections.length ? JSON.stringify(sections) : "");
  useEffect(() => {
    if (!fresh.current) return;
    root.current.querySelector(`[data-section="${CSS.escape(fresh.current)}"] select`)?.focus();
    fresh.current = "";
  });
  const pick = (section) => {
    fresh.current = section.id;
    keep([...extra, { ...section, value: "" }]);
  };
  const leave = (section) => {
    keep(extra.filter(({ id }) => id !== section.id));
    root.current.querySelector(".section-picker input").focus();
  };
  return h(
    "div",
    { className: "feature-fields", ref: root },
    h(Default, { feature, stored, choices }),
    rows.length > 0 &&
      h(
        "ul",
        { className: "overrides", "aria-label": "Overrides" },
        rows.map((section) =>
          h(Override, { key: section.id, feature, section, choices, onLeave: section.value ? null : () => leave(section) }),
        ),
      ),
    more && h("p", null, h("button", { type: "button", className: "btn quiet", onClick: onMore }, "Show more overrides")),
    h(SectionPicker, {
      label: "Override in a section",
      found,
      taken: rows.map(({ id }) => id),
      why: "has an override",
      disabled: added.working || !choices.length,
      onSearch,
      onPick: pick,
    }),
  );
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
    (chosen?.chain || hint) && h("span", { key: "chain", className: "hint", id: `${id}-hint` }, chosen?.chain || hint),
    chosen?.warning && h("span", { key: "warning", className: "warning", id: `${id}-warning` }, chosen.warning),
    !choices.length && h("span", { key: "none", className: "hint" }, "No service config fits. ", h("a", { href: "/admin/services/new" }, "Make one")),
  ].filter(Boolean);
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
        "aria-describedby": notes.map((note) => note.props.id).filter(Boolean).join(" ") || undefined,
        onChange: change,
      },
      !chosen && h("option", { value: "" }, "Choose a service config…"),
      choices.map((choice) => h("option", { key: choice.id, value: choice.id }, choice.name)),
    ),
    ...notes,
  ];
}
