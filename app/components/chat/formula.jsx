import { memo, useLayoutEffect, useRef, useState } from "react";
import { lazily, useLazy } from "./lazy.js";

const typesetter = lazily(() => import("./typesetter.js"));

/** A formula; its source, quietly, while it is being written or typeset and when it can't be. */
export const Formula = memo(function Formula({ tex, display, open }) {
  const maths = useLazy(typesetter);
  const target = useRef(null);
  const [wrong, setWrong] = useState(null);
  const drawn = Boolean(maths) && !open && wrong !== tex;

  useLayoutEffect(() => {
    if (!drawn) return;
    if (!maths.typeset(target.current, tex, display)) setWrong(tex);
  }, [drawn, maths, tex, display]);

  const shown = drawn ? <span ref={target} /> : <code className="stoa-tex">{tex}</code>;
  if (!display) return <span className="stoa-maths">{shown}</span>;
  return (
    <span className="stoa-scroll stoa-maths-display" role="group" aria-label="Formula" tabIndex={0}>
      {shown}
    </span>
  );
});
