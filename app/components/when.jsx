// Moments as people say them, in the reader's own language and time zone.
import { createElement as h, useEffect, useState } from "react";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = [
  [DAY, "day"],
  [HOUR, "hour"],
  [MINUTE, "minute"],
];
const AS_DATE = 7 * DAY; // beyond this, a date says more than a number of days

/** How long ago `at` (ISO 8601) was, kept up to date, with the exact moment as its title; or, if `exact`, just that. */
export function When({ at, exact: asExact = false }) {
  const [now, setNow] = useState(null); // null on the server, whose clock and language aren't the reader's
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), MINUTE * 1000);
    return () => clearInterval(timer);
  }, [at]);
  const moment = new Date(at);
  if (now === null || Number.isNaN(moment.getTime())) return null;
  const exact = moment.toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
  return h("time", { dateTime: moment.toISOString(), title: exact }, asExact ? exact : said(moment, now));
}

/** Tells the page its reader's time zone, by its IANA name. */
export function ReadersZone({ onZone }) {
  useEffect(() => {
    onZone(Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC");
  }, []);
  return null;
}

function said(moment, now) {
  const ago = Math.max(0, (now - moment.getTime()) / 1000);
  if (ago >= AS_DATE) return moment.toLocaleDateString(undefined, { dateStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const [length, unit] = UNITS.find(([size]) => ago >= size) ?? [1, "second"];
  return unit === "second" ? relative.format(0, unit) : relative.format(-Math.floor(ago / length), unit);
}
