// What a month cost, in the reader's own way of writing numbers.
import { createElement as h, useEffect, useState } from "react";

const SAID = { ok: "", warning: "More than 80 % is spent", spent: "Spent: requests are refused until the month ends", unlimited: "" };

/**
 * `spending`: {spent, budget: USD as decimal numbers, budget "" for none; state: unlimited, ok, warning or spent; share:
 * spent ÷ budget; unpriced: requests whose price isn't known}.
 */
export function Budget({ spending, name, small = false }) {
  const { spent, budget, state, share, unpriced } = spending;
  const usd = useDollars();
  const percent = Math.round(share * 100);
  const amount = budget ? `${usd(spent)} of ${usd(budget)}` : usd(spent);
  return h(
    "div",
    { className: small ? "budget small" : "budget", "data-state": state },
    h("span", { className: "budget-amount" }, amount, budget ? ` · ${percent} %` : small ? "" : " this month, without a limit"),
    budget &&
      h(
        "div",
        {
          className: "budget-bar",
          role: "meter",
          "aria-label": `Budget of ${name}, spent this month`,
          "aria-valuemin": 0,
          "aria-valuemax": 100,
          "aria-valuenow": Math.min(percent, 100),
          "aria-valuetext": amount,
        },
        h("span", { style: { width: `${Math.min(100, percent)}%` } }),
      ),
    SAID[state] && h("span", { className: "budget-said" }, SAID[state]),
    unpriced > 0 && !small && h("span", { className: "meta" }, `${unpriced} requests aren’t counted: their price isn’t known.`),
  );
}

/** Plain until the page runs in the browser: the server doesn't know the reader's language. */
function useDollars() {
  const [language, setLanguage] = useState("en-US");
  useEffect(() => setLanguage(navigator.language), []);
  const format = new Intl.NumberFormat(language, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol" });
  const fine = new Intl.NumberFormat(language, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", maximumFractionDigits: 4 });
  return (text) => (Number(text) > 0 && Number(text) < 0.01 ? fine : format).format(Number(text));
}
