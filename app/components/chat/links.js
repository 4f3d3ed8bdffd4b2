const HERE = "https://stoa.invalid/";

/**
 * Where a link from untrusted text may lead: `{href, external}`, or null when it must not be a link.
 *
 * The URL parser decides, not a pattern: it sees through control characters, case and backslashes as the browser does.
 */
export function safeLink(href) {
  let url;
  try {
    url = new URL(href, HERE);
  } catch {
    return null;
  }
  if (url.username || url.password) return null; // https://stoa.example@evil.example
  if (url.origin === new URL(HERE).origin) return { href: href.trim(), external: false };
  if (url.protocol === "http:" || url.protocol === "https:") return { href: url.href, external: true };
  if (url.protocol === "mailto:") return { href: url.href, external: true };
  return null;
}
