import { counted, points } from "./say.js";

/** The tests that may be seen, before anything was run. */
export function Examples({ tests, hidden }) {
  if (!tests.length && !hidden) return null;
  return (
    <details className="stoa-exercise-more">
      <summary>{summary(tests.length, hidden)}</summary>
      <ol className="stoa-tests">
        {tests.map((test) => (
          <li key={test.number} className="stoa-example">
            <p>
              <strong>{test.name}</strong> <span className="meta">{points(test.points)}</span>
            </p>
            <div className="stoa-pair">
              <Given label={INPUT[test.kind] ?? "Input"} text={test.input} />
              {test.expected && <Given label={test.kind === "call" ? "Returns" : "Prints"} text={test.expected} />}
            </div>
            {test.comparison && <p className="meta">{test.comparison}</p>}
          </li>
        ))}
      </ol>
    </details>
  );
}

export const INPUT = { stdio: "Input", call: "Call", pytest: "Test file" };

/** A piece of text as it is, under its name. */
export function Given({ label, text }) {
  return (
    <figure className="stoa-given">
      <figcaption>{label}</figcaption>
      <pre tabIndex={0} role="group" aria-label={label}>
        {text || <em>nothing</em>}
      </pre>
    </figure>
  );
}

function summary(shown, hidden) {
  if (!hidden) return counted(shown, "test", "tests");
  if (!shown) return counted(hidden, "hidden test", "hidden tests");
  return `${counted(shown, "test", "tests")} to see, ${hidden} hidden`;
}
