import { describe, expect, test } from "bun:test";
import { renderToStaticMarkup } from "react-dom/server";
import { Prose } from "../../app/components/chat/prose.jsx";
import { document, random } from "./random.js";

const CASES = Number(process.env.CASES ?? 1000);
const PATIENCE = 60_000; // ms: machines that build at the same time are slow
const ALLOWED = new Set(
  ("div p h2 h3 h4 h5 h6 em strong del code pre br blockquote hr ul ol li table thead tbody tr th td a span " +
    "figure figcaption button").split(" "),
);

const HOSTILE = [
  "<script>alert(1)</script>",
  "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<style>*{display:none}</style>",
  "<div onclick=alert(1)",
  "<!-- <script> -->",
  "<![CDATA[<script>]]>",
  "<a href='javascript:alert(1)'>x</a>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](<java\nscript:alert(1)>)",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](vbscript:x)",
  "<javascript:alert(1)>",
  "[x]: javascript:alert(1)\n\n[x]",
  "![](http://evil.example/pixel.png)",
  "![x](javascript:alert(1))",
  "![x](data:image/svg+xml,<svg onload=alert(1)>)",
  "[![x](http://evil.example/x)](javascript:alert(1))",
  "```html onclick=alert(1)\n<script>alert(1)</script>\n```",
  '```"><script>alert(1)</script>\nx\n```',
  "$\\href{javascript:alert(1)}{x}$",
  "$$\\htmlClass{x}{<script>alert(1)</script>}$$",
  "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
  "- [ ] <input onfocus=alert(1) autofocus>",
  "# <b onmouseover=alert(1)>x</b>",
  "\u0000<script>alert(1)</script>",
  "<br onload=alert(1)>",
];

const html = (text, props) => renderToStaticMarkup(<Prose text={text} {...props} />);

/** Every tag of the markup with its attributes. React escapes text, so "<" only ever begins a tag. */
function tags(markup) {
  return [...markup.matchAll(/<([a-z0-9]+)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*\/?>/g)].map(([, name, rest]) => ({
    name,
    attributes: Object.fromEntries([...rest.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map((pair) => pair.slice(1))),
  }));
}

function expectHarmless(markup) {
  expect(markup.match(/<(?!\/?[a-z0-9])/g)).toBeNull();
  const found = tags(markup);
  expect(found.length).toBe(markup.match(/<[a-z]/gi)?.length ?? 0);
  for (const { name, attributes } of found) {
    expect(ALLOWED).toContain(name);
    for (const key of Object.keys(attributes)) expect(key).not.toMatch(/^(on|src|style|srcdoc|formaction|id$|name$)/i);
    if (!("href" in attributes)) continue;
    expect(attributes.href).toMatch(/^(https?:\/\/|mailto:|[/#?]|[\w.%-]+(?:[/?#]|$))/);
    if (/^[a-z]+:/.test(attributes.href)) expect(attributes.rel).toBe("noopener noreferrer nofollow");
  }
}

describe("hostile Markdown does nothing", () => {
  test.each(HOSTILE)("%j", (text) => {
    for (const variant of ["chat", "lesson"]) {
      expectHarmless(html(text, { variant }));
      expectHarmless(html(text, { variant, open: true }));
    }
  });

  test("in any mixture, cut off anywhere", () => {
    for (let seed = 0; seed < CASES; seed += 1) {
      const source = random(seed);
      const text = document({ ...source, pick: (list) => source.pick(source.below(3) ? list : HOSTILE) });
      expectHarmless(html(text.slice(0, source.below(text.length + 1)), { open: source.below(2) === 1 }));
    }
  }, PATIENCE);

  test("raw HTML is shown as it was written", () => {
    expect(html("<script>alert(1)</script>")).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  });

  test("images are links, never fetched", () => {
    expect(html("![a diagram](http://evil.example/x.png)")).toContain(">a diagram</a>");
  });
});

describe("Markdown", () => {
  test.each([
    ["a line<br>another", "<p>a line<br/>another</p>"],
    ["| a |\n|---|\n| 1<br/>2 |", "<td>1<br/>2</td>"],
    ["3. three\n4. four", '<ol start="3"><li>three</li><li>four</li></ol>'],
    ["~5 and ~6", "<p>~5 and ~6</p>"],
    ["it costs $5 and $10 more", "<p>it costs $5 and $10 more</p>"],
    ["[1](/s/python/l/loops#where)", '<a href="/s/python/l/loops#where" class="stoa-cite">1</a>'],
    ["$x^2$", '<code class="stoa-tex">x^2</code>'],
    ["```py\nx\n```", "<span>Python</span>"],
    ["```\nopen fence", '<span class="stoa-line">open fence</span>'],
    ["```\na\n\nb\n```", '<span class="stoa-line">a\n</span><span class="stoa-line">\n</span><span class="stoa-line">b</span>'],
    ["[a]: /here\n\n", ""],
    ["[a]\n\n[a]: /here", "<p>[a]</p>"],
  ])("%j", (text, part) => expect(html(text)).toContain(part));

  test("headings begin below the page's in a lesson and below the message's in an answer", () => {
    const lesson = html("# a\n\n### b", { variant: "lesson" });
    expect(lesson).toContain('<h2 class="stoa-h1">a</h2><h3 class="stoa-h3">b</h3>');
    expect(html("# a\n\n### b")).toContain('<h4 class="stoa-h1">a</h4><h4 class="stoa-h3">b</h4>');
  });

  test("no text is no blocks", () => {
    expect(html("")).toBe('<div class="stoa-prose stoa-prose-chat"></div>');
    expect(html(undefined)).toBe('<div class="stoa-prose stoa-prose-chat"></div>');
  });
});
