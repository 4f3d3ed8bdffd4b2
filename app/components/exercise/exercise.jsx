// What Reflex imports: a coding exercise in its lesson. Everything that comes from running code is untrusted text, and
// is never anything but text here.
import { useEffect, useRef, useState } from "react";
import { readCode, writeCode } from "../chat/drafts.js";
import { Prose } from "../chat/stoa.jsx";
import { Question } from "../dialogs/dialogs.jsx";
import { Attempts } from "./attempts.jsx";
import { Editor } from "./editor.jsx";
import "./exercise.css";
import { Examples } from "./examples.jsx";
import { Following } from "./following.jsx";
import { Outcome } from "./outcome.jsx";
import { Terms } from "./terms.jsx";

const ADVICE =
  "No worker reaches a Docker engine. Administrators: `stoa doctor` says what to install. What was asked for is kept.";

const UNANSWERED = 20_000; // ms until what was asked for may be asked for again

export function Exercise({ exercise, person, failure, children, ...on }) {
  if (!exercise) return <div className="stoa-exercise skeleton" aria-busy="true" />;
  const own = failure?.key === exercise.key ? failure : null;
  return (
    <Given key={`${person} ${exercise.key}`} exercise={exercise} person={person} failure={own} {...on}>
      {children}
    </Given>
  );
}

function Given({ exercise, person, administers, failure, children, onRun, onSubmit, onEnd, onAttempt }) {
  const { key, title, attempts_used: used, attempts_allowed: allowed, may_try: mayTry, work } = exercise;
  const code = useCode(exercise, person);
  const [asked, ask] = useAsked(work, failure);
  const [sure, setSure] = useState(false);
  const busy = asked !== "" || work !== null;
  const begin = (what, tell) => {
    if (busy) return;
    ask(what);
    tell(key, code.text);
  };
  const run = () => begin("run", onRun);
  const submit = () => {
    setSure(false);
    begin("submit", onSubmit);
  };
  const advice = mayTry || administers ? ADVICE : "";
  const last = allowed !== null && used === allowed - 1;
  const running = busy && (work?.purpose ?? asked) === "run";
  return (
    <section className="stoa-exercise" aria-label={`Exercise: ${title}`} aria-busy={busy}>
      <Terms exercise={exercise} />
      <Prose text={exercise.statement} variant="lesson" />
      <Examples tests={exercise.tests} hidden={exercise.hidden_tests} />
      <Editor text={code.text} label={`Your code for ${title}`} onText={code.write} onRun={run} />
      <div className="stoa-exercise-acts">
        <button type="button" className="btn primary" aria-disabled={busy} onClick={run}>
          {runLabel(mayTry, running)}
        </button>
        {!mayTry && (
          <button
            type="button"
            className="btn"
            disabled={!exercise.may_submit}
            aria-disabled={busy}
            onClick={() => !busy && (last ? setSure(true) : submit())}
          >
            {busy && !running ? "Grading…" : "Submit"}
          </button>
        )}
        <Again code={code} starter={exercise.starter} />
        <span className="meta">{leftOver(exercise)}</span>
      </div>
      {exercise.refusal && !mayTry && <p className="stoa-exercise-note">{exercise.refusal}</p>}
      <div role="status">{busy && <Following work={work} advice={advice} onEnd={() => onEnd(key, work.job_id)} />}</div>
      {failure && !busy && (
        <p className="alert" role="alert" key={failure.nonce}>
          {failure.message}
        </p>
      )}
      {exercise.outcome && !busy && <Outcome outcome={exercise.outcome} onRestore={code.replace} />}
      <Attempts
        attempts={exercise.attempts}
        shown={exercise.outcome?.id}
        onShow={(id) => onAttempt(key, id)}
      />
      <details className="stoa-exercise-more">
        <summary>How this is graded</summary>
        <ul>
          {exercise.how_graded.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      </details>
      {children}
      <Question
        open={sure}
        title="Hand in your last attempt?"
        text="After this one you can still run your code, but not submit it again."
        yes="Submit"
        no="Not yet"
        onYes={submit}
        onNo={() => setSure(false)}
      />
    </section>
  );
}

function runLabel(mayTry, running) {
  if (running) return "Running…";
  return mayTry ? "Try this solution" : "Run";
}

function leftOver({ attempts_allowed: allowed, attempts_used: used, may_try: mayTry, may_submit: maySubmit }) {
  if (mayTry) return "Runs against every test; nothing is handed in.";
  if (allowed === null || !maySubmit) return "";
  const left = Math.max(0, allowed - used);
  return left === 1 ? "Your last attempt" : `${left} of ${allowed} attempts left`;
}

/** Starting over, and what undoes it. */
function Again({ code, starter }) {
  if (code.before !== null) {
    return (
      <button type="button" className="btn quiet" onClick={code.undo}>
        Bring back my code
      </button>
    );
  }
  return (
    code.text !== starter && (
      <button type="button" className="btn quiet" onClick={() => code.replace(starter)}>
        Start over
      </button>
    )
  );
}

/** What is being written: kept in this browser, until now what was handed in last. `before` is what was replaced. */
function useCode({ key, code, starter }, person) {
  const [text, setText] = useState(() => readCode(person, key) ?? (code || starter));
  const [before, setBefore] = useState(null);
  const put = (next) => {
    setText(next);
    writeCode(person, key, next);
  };
  return {
    text,
    before,
    write(next) {
      if (next === text) return;
      put(next);
      setBefore(null);
    },
    replace(next) {
      if (next === text) return;
      put(next);
      setBefore(text);
    },
    undo() {
      put(before);
      setBefore(null);
    },
  };
}

/** What was asked for until the server has said what it does about it. */
function useAsked(work, failure) {
  const [asked, ask] = useState("");
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) ask("");
    first.current = false;
  }, [work?.job_id, failure?.nonce]);
  useEffect(() => {
    const timer = setTimeout(() => ask(""), UNANSWERED);
    return () => clearTimeout(timer);
  }, [asked]);
  return [asked, ask];
}
