import { describe, expect, test } from "bun:test";
import { moved, parse, rolesAt, withModel, without, withRole } from "../../app/components/chain-moves.js";
import { random } from "./random.js";

const FULL = [["primary", "a"], ["secondary", "b"], ["fallback", "c"], ["backup", "d"]];

const text = (chain) => chain.map(([role, name]) => `${role[0]}${role[1]} ${name}`).join(", ");

describe("a chain", () => {
  test("is read from a field", () => {
    expect(parse("")).toEqual([]);
    expect(parse(JSON.stringify(FULL))).toEqual(FULL);
  });

  test("keeps the roles of its places when a model moves", () => {
    expect(text(moved(FULL, 3, 0))).toBe("pr d, se a, fa b, ba c");
    expect(text(moved(FULL, 0, 2))).toBe("pr b, se c, fa a, ba d");
    expect(moved(FULL, 1, 1)).toEqual(FULL);
  });

  test("has a primary whatever is removed", () => {
    expect(text(without(FULL, 0))).toBe("pr b, fa c, ba d");
    expect(text(without(FULL, 1))).toBe("pr a, fa c, ba d");
    expect(text(without(FULL, 3))).toBe("pr a, se b, fa c");
    expect(text(without([["primary", "a"], ["backup", "b"]], 0))).toBe("pr b");
  });

  test("takes the first model as primary and further ones before the backup", () => {
    expect(text(withModel([], "a"))).toBe("pr a");
    expect(text(withModel(withModel([], "a"), "b"))).toBe("pr a, fa b");
    expect(text(withModel(FULL, "e"))).toBe("pr a, se b, fa c, fa e, ba d");
  });

  test("offers each place the roles it may have", () => {
    expect(rolesAt(0, 1)).toEqual(["primary"]);
    expect(rolesAt(1, 2)).toEqual(["secondary", "fallback", "backup"]);
    expect(rolesAt(1, 3)).toEqual(["secondary", "fallback"]);
    expect(rolesAt(2, 3)).toEqual(["fallback", "backup"]);
    expect(text(withRole(FULL, 1, "fallback"))).toBe("pr a, fa b, fa c, ba d");
  });

  test("keeps the server's rules whatever is done to it", () => {
    const { below, pick } = random(7);
    let chain = [];
    for (let step = 0; step < 2000; step += 1) {
      const at = below(chain.length);
      const act = pick(["add", "remove", "move", "role"]);
      if (act === "add" && chain.length < 8) chain = withModel(chain, `m${step}`);
      else if (act === "remove" && chain.length > 1) chain = without(chain, at);
      else if (act === "move" && chain.length) chain = moved(chain, at, below(chain.length));
      else if (act === "role" && chain.length) chain = withRole(chain, at, pick(rolesAt(at, chain.length)));
      const roles = chain.map(([role]) => role);
      expect(roles.filter((role) => role === "primary").length).toBe(chain.length ? 1 : 0);
      expect(roles.every((role, place) => rolesAt(place, roles.length).includes(role))).toBe(true);
      expect(new Set(chain.map(([, name]) => name)).size).toBe(chain.length);
    }
  });
});
