/** Unsent messages, one per person and conversation, for as long as the tab lives. */

const PREFIX = "stoa:draft:";

export function readDraft(person, conversation) {
  return person ? attempt(() => sessionStorage.getItem(key(person, conversation))) ?? "" : "";
}

export function writeDraft(person, conversation, text) {
  if (!person) return;
  attempt(() => {
    if (text) sessionStorage.setItem(key(person, conversation), text);
    else sessionStorage.removeItem(key(person, conversation));
  });
}

/** Forget the drafts of everyone but `person`; of everyone when there is nobody. */
export function clearDrafts(person = "") {
  attempt(() => {
    const own = person && `${PREFIX}${person}:`;
    Object.keys(sessionStorage)
      .filter((name) => name.startsWith(PREFIX) && !(own && name.startsWith(own)))
      .forEach((name) => sessionStorage.removeItem(name));
  });
}

function key(person, conversation) {
  return `${PREFIX}${person}:${conversation}`;
}

function attempt(act) {
  try {
    return act();
  } catch {
    return undefined; // storage is full or forbidden: a draft isn't worth an error
  }
}
