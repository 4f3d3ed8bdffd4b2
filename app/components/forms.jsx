// The form that signs a person out. Whatever they had not sent yet goes with them, once the composer, which saves it
// when the page is left, has done so.
import { createElement as h } from "react";
import { clearDrafts } from "../chat/drafts.js";

export function SignOut({ children }) {
  const forget = () => window.addEventListener("pagehide", () => clearDrafts());
  return h("form", { action: "/api/sign-out", method: "post", onSubmit: forget }, children);
}
