// Numbers and days in the reader's own language.
import { createElement as h } from "react";

const SMALL_USD = 0.01; // below a cent, two digits that mean something say more than cents
const format = (options) => new Intl.NumberFormat(undefined, options);
const FORMATS = {
  count: () => format({ maximumFractionDigits: 0 }),
  short: () => format({ notation: "compact", maximumFractionDigits: 1 }),
  usd: (value) => format({ ...DOLLARS, ...(isSmall(value) ? { maximumSignificantDigits: 2 } : {}) }),
  share: () => format({ style: "percent", maximumFractionDigits: 0 }),
  ms: () => format({ style: "unit", unit: "millisecond", maximumFractionDigits: 0 }),
};
const DOLLARS = { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" };
const DAYS = {
  long: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  date: { day: "numeric", month: "long", year: "numeric" },
  short: { day: "numeric", month: "short" },
};

/** A number of some unit; `unknown` in its place when it is null. */
export function Figure({ value, unit, unknown = "–" }) {
  return h("span", { className: "figure" }, value === null || value === undefined ? unknown : said(value, unit));
}

/** A calendar day (2026-03-01) of nobody's time zone in particular. */
export function Day({ day, form = "long" }) {
  return h("time", { dateTime: day }, saidDay(day, form));
}

export function said(value, unit) {
  return FORMATS[unit](value).format(value);
}

export function saidDay(day, form = "long") {
  return new Intl.DateTimeFormat(undefined, { ...DAYS[form], timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}

function isSmall(value) {
  return value > 0 && value < SMALL_USD;
}
