/** How long things take, as people say it. */

export function lasting(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

const SOONEST = 2; // seconds at work before anything can be said about the rest

/**
 * What is left when a share of `progress` took `taken` seconds, `ago` seconds ago; empty while that can't be told.
 */
export function leftOver({ progress, taken, ago }) {
  if (progress <= 0 || progress >= 1 || taken < SOONEST) return "";
  const left = (taken * (1 - progress)) / progress - ago;
  if (left < 10) return "a few seconds left";
  if (left < 55) return `about ${Math.ceil(left / 5) * 5} s left`;
  if (left < 3300) return `about ${Math.ceil(left / 60)} min left`;
  return `about ${Math.ceil(left / 3600)} h left`;
}
