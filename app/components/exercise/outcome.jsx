import { useMemo } from "react";
import { compare, drawSpaces } from "./diff.js";
import { Given, INPUT } from "./examples.jsx";
import { counted, number, points, took, when } from "./say.js";

/** What came of a run or an attempt. */
export function Outcome({ outcome, onRestore }) {
  const { result, number: attempt } = outcome;
  const firstFailed = result.tests.find((test) => !test.passed)?.number;
  return (
    <div className="stoa-outcome-of-code" data-good={result.verdict === "accepted"}>
      <div className="stoa-verdict" role="status">
        <p className="title">{headline(outcome)}</p>
        {result.sentence && <p>{result.sentence}</p>}
        {result.note && <p>{result.note}</p>}
        {outcome.deduction > 0 && <p>{lateness(outcome)}</p>}
        {result.hidden.total > 0 && <p>{hiddenTests(result.hidden)}</p>}
      </div>
      {result.tests.length > 0 && (
        <ol className="stoa-tests">
          {result.tests.map((test) => (
            <Test
              key={`${outcome.nonce} ${test.number}`}
              test={test}
              open={test.number === firstFailed}
              said={result.verdict}
            />
          ))}
        </ol>
      )}
      {result.output && <Given label="Output" text={result.output} />}
      {attempt > 0 && (
        <details className="stoa-exercise-more">
          <summary>Code of attempt {attempt}</summary>
          <Given label={`Handed in ${when(outcome.at)}`} text={outcome.code} />
          <button type="button" className="btn" onClick={() => onRestore(outcome.code)}>
            Put this code into the editor
          </button>
        </details>
      )}
    </div>
  );
}

function headline({ number: attempt, score, max_score: max, result }) {
  if (attempt) {
    const reached = score === null ? "no result" : `${number(score)} of ${points(max)}`;
    return `Attempt ${attempt}: ${reached}`;
  }
  if (result.state === "failed") return "That didn’t run";
  const passed = result.tests.filter((test) => test.passed).length;
  const total = result.tests.length;
  if (!total) return "Finished";
  return passed === total ? allPassed(total) : `${passed} of ${counted(total, "test", "tests")} passed`;
}

function allPassed(total) {
  return total === 1 ? "The test passed" : `All ${total} tests passed`;
}

function lateness({ days_late: days, deduction }) {
  return `${counted(days, "day", "days")} late: ${number(deduction)} % were taken off.`;
}

function hiddenTests({ total, passed }) {
  return `Hidden tests: ${passed} of ${total} passed.`;
}

/** One test. `said`: the verdict that the summary has explained already. */
function Test({ test, open, said }) {
  return (
    <li>
      <details className="stoa-test" data-passed={test.passed} open={open}>
        <summary>
          <span className="stoa-test-mark">{test.passed ? "Passed" : "Failed"}</span>
          <span className="stoa-test-name">{test.name}</span>
          <span className="meta">
            {number(test.score)} / {points(test.max_score)} · {took(test.seconds)}
          </span>
        </summary>
        {!test.passed && test.verdict !== said && <p>{test.sentence}</p>}
        <Given label={INPUT[test.kind] ?? "Input"} text={test.input} />
        {!test.passed && test.verdict === "wrong_answer" && <Difference test={test} />}
        {test.passed && test.actual && <Given label={test.kind === "call" ? "Returned" : "Printed"} text={test.actual} />}
        {test.output && <Given label={test.kind === "stdio" ? "Also said" : "Output"} text={test.output} />}
      </details>
    </li>
  );
}

/** What was expected beside what came. Where only spaces make the difference, they are drawn. */
function Difference({ test: { expected, actual } }) {
  const found = useMemo(() => compare(expected, actual), [expected, actual]);
  return (
    <>
      <p>{told(found)}</p>
      <div className="stoa-pair stoa-difference">
        <Side label="Expected" lines={found.expected} drawn={found.onlySpace} sign="−" />
        <Side label="Yours" lines={found.actual} drawn={found.onlySpace} sign="+" />
      </div>
    </>
  );
}

function told({ first, onlySpace, expected, actual }) {
  if (onlySpace) return "Only spaces or line breaks differ: · is a space, → a tab, ⏎ the end of a line.";
  if (!actual.length) return "Nothing came.";
  return Math.max(expected.length, actual.length) > 1 ? `The first difference is in line ${first}.` : "";
}

function Side({ label, lines, drawn, sign }) {
  return (
    <figure className="stoa-given">
      <figcaption>{label}</figcaption>
      <pre tabIndex={0} role="group" aria-label={label}>
        {lines.map(({ text, differs }, index) => (
          <span key={index} className="stoa-line" data-differs={differs || undefined} data-sign={differs ? sign : " "}>
            {drawn ? drawSpaces(text).replace("\n", "⏎\n") : text}
          </span>
        ))}
        {!lines.length && <em>nothing</em>}
      </pre>
    </figure>
  );
}
