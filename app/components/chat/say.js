let region = null;

/** Make the page's one place for saying small things aloud: only a place that was there before is listened to. */
export function prepareToSay() {
  if (region?.isConnected) return;
  region = document.createElement("div");
  region.className = "stoa-sr";
  region.setAttribute("role", "status");
  document.body.append(region);
}

/** Say it once, also when it is what was said last. */
export function say(text) {
  prepareToSay();
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50);
}
