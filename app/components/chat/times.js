/** Times and days as the reader's own clock and language have them. */

const clock = lazyFormat({ hour: "2-digit", minute: "2-digit" });
const day = lazyFormat({ weekday: "long", day: "numeric", month: "long" });
const dayAndYear = lazyFormat({ day: "numeric", month: "long", year: "numeric" });

export function timeOf(at) {
  const date = parsed(at);
  return date ? clock().format(date) : "";
}

/** What to write between two messages when the second is of another day; `before` is undefined for the first. */
export function dayBetween(before, at, now = new Date()) {
  const date = parsed(at);
  if (!date) return "";
  const last = before === undefined ? now : parsed(before);
  return last && number(last) !== number(date) ? dayOf(date, now) : "";
}

function dayOf(date, now) {
  const ago = number(now) - number(date);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return (date.getFullYear() === now.getFullYear() ? day() : dayAndYear()).format(date);
}

/** Days since 1970 on the reader's calendar. */
function number(date) {
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

function parsed(at) {
  const date = at ? new Date(at) : null;
  return date && !Number.isNaN(date.getTime()) ? date : null;
}

function lazyFormat(options) {
  let format;
  return () => (format ??= new Intl.DateTimeFormat(undefined, options));
}
