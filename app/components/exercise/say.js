// Numbers and moments, as the reader's language has them.

/** At most two decimals, and none that aren't needed. */
export function number(value) {
  return value.toLocaleString(undefined, { maximumFractionDigits: 2 });
}

export function points(value) {
  return `${number(value)} ${value === 1 ? "point" : "points"}`;
}

/** A moment (ISO 8601) with its day of the week: a due date is planned for. Of this year, the year is clear. */
export function when(moment) {
  const at = new Date(moment);
  return at.toLocaleString(undefined, {
    weekday: "short",
    day: "numeric",
    month: "long",
    year: at.getFullYear() === new Date().getFullYear() ? undefined : "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/** How long it took, as people say it. */
export function took(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${number(seconds)} s`;
}

export function counted(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}
