import { describe, expect, test } from "bun:test";
import { safeLink } from "../../app/components/chat/links.js";

describe("links that may lead somewhere", () => {
  test.each([
    ["https://example.org/a?b#c", "https://example.org/a?b#c", true],
    ["HTTP://EXAMPLE.org", "http://example.org/", true],
    ["mailto:a@example.org", "mailto:a@example.org", true],
    ["/s/python/l/loops#where", "/s/python/l/loops#where", false],
    ["#where", "#where", false],
    ["?tab=1", "?tab=1", false],
    ["loops", "loops", false],
  ])("%j", (given, href, external) => expect(safeLink(given)).toEqual({ href, external }));
});

describe("links that lead away though they look local are external", () => {
  test.each(["//evil.example", "/\\evil.example", "\\\\evil.example", "\t//evil.example", "/\t/evil.example"])(
    "%j",
    (given) => {
      const href = expect.stringMatching(/^https:\/\/evil\.example/);
      expect(safeLink(given)).toEqual({ href, external: true });
    },
  );
});

describe("links that become text", () => {
  test.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "\u0001javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "blob:https://example.org/x",
    "file:///etc/passwd",
    "intent://x",
    "https://stoa.example@evil.example/",
    "https://",
  ])("%j", (given) => expect(safeLink(given)).toBeNull());
});
