/** NOTIFICATIONs in words. */

import { expect, test } from "bun:test";
import { classifyNotification, describeNotification } from "../../../bgpd/wire/notification.ts";

const NAMES: readonly (readonly [number, number, string])[] = [
  [1, 2, "Message Header Error/Bad Message Length"],
  [2, 0, "OPEN Message Error"],
  [2, 2, "OPEN Message Error/Bad Peer AS"],
  [2, 5, "OPEN Message Error/5"],
  [3, 11, "UPDATE Message Error/Malformed AS_PATH"],
  [4, 0, "Hold Timer Expired"],
  [5, 3, "Finite State Machine Error/Unexpected Message in Established State"],
  [6, 2, "Cease/Administrative Shutdown"],
  [6, 7, "Cease/Connection Collision Resolution"],
  [6, 99, "Cease/99"],
  [7, 1, "ROUTE-REFRESH Message Error/Invalid Message Length"],
  [8, 0, "Send Hold Timer Expired"],
  [200, 3, "error 200/3"],
];

for (const [code, subcode, name] of NAMES) {
  test(`${code}/${subcode} is ${name}`, () => {
    expect(describeNotification(code, subcode)).toBe(name);
  });
}

test("for who counts, all that has no name is one of few words", () => {
  const words = new Set<string>();
  for (let code = 0; code < 256; code++) {
    for (let subcode = 0; subcode < 256; subcode++) words.add(classifyNotification(code, subcode));
  }
  expect(words.size).toBeLessThan(60);
  expect([...words].filter((word) => /\d/.test(word))).toEqual([]);
  expect(classifyNotification(6, 2)).toBe("Cease/Administrative Shutdown");
  expect(classifyNotification(6, 99)).toBe("Cease");
  expect(classifyNotification(200, 3)).toBe("unknown");
});
