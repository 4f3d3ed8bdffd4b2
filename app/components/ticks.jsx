// A box to tick in a list that the server keeps: it shows at once what was done, and then what the server has.
import { createElement as h, useEffect, useState } from "react";

export function Tick({ name, checked, onTick }) {
  const [on, setOn] = useState(checked);
  useEffect(() => setOn(checked), [checked]);
  const tick = ({ target }) => {
    setOn(target.checked);
    onTick(target.checked);
  };
  return h("input", { type: "checkbox", "aria-label": name, checked: on, onChange: tick });
}
