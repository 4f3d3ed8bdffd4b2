// A chain as its form holds it: [role, model name] in the order in which models are tried. Roles belong to places (the
// first is the primary, a secondary comes second, a backup last), so a model that moves takes the role of its new place.

export const PRIMARY = "primary";
export const SECONDARY = "secondary";
export const FALLBACK = "fallback";
export const BACKUP = "backup";

/** The chain that a field's text stands for. */
export function parse(text) {
  return text ? JSON.parse(text) : [];
}

/** The roles that the model at place `at` of `length` may have. */
export function rolesAt(at, length) {
  if (at === 0) return [PRIMARY];
  const last = at === length - 1;
  return [...(at === 1 ? [SECONDARY] : []), FALLBACK, ...(last ? [BACKUP] : [])];
}

/** The model at `from` stands at `to`; those between make room. */
export function moved(chain, from, to) {
  const names = chain.map(([, name]) => name);
  names.splice(to, 0, ...names.splice(from, 1));
  return chain.map(([role], at) => [role, names[at]]);
}

/** Without the model at `at`. */
export function without(chain, at) {
  return settled(chain.filter((_, place) => place !== at));
}

/** With another model: the primary of an empty chain, else a fallback before the backup. */
export function withModel(chain, name) {
  const backup = chain.length > 1 && chain.at(-1)[0] === BACKUP;
  return settled(chain.toSpliced(backup ? -1 : chain.length, 0, [FALLBACK, name]));
}

/** With another role at `at`. */
export function withRole(chain, at, role) {
  return chain.map((link, place) => (place === at ? [role, link[1]] : link));
}

function settled(chain) {
  return chain.map(([role, name], at) => {
    const roles = rolesAt(at, chain.length);
    return [roles.includes(role) ? role : at === 0 ? PRIMARY : FALLBACK, name];
  });
}
