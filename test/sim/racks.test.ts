/**
 * The cluster of conf/racks as running speakers.
 */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { readDirectory } from "../../resource/directory.ts";
import { DocumentsScene, planFor } from "./documents-scene.ts";

test("every session between the nodes of conf/racks comes up, and stays", () => {
  const { sources } = readDirectory(join(import.meta.dir, "../../conf/racks"));
  const documents = sources.map(({ text }) => text);
  const names = ["n1", "n2", "n3", "n4", "r1", "r2"];
  const all = new DocumentsScene();
  for (const name of names) all.apply(planFor(name, documents));
  all.pass(120);
  const sessions = names.flatMap((name) =>
    [...all.daemon(name).neighbours.values()]
      .filter(({ plan }) => plan.node !== undefined)
      .map(({ plan, peer }) => [`${name}: ${plan.name}`, peer.status().state, peer.status().flaps]),
  );
  expect(sessions).toHaveLength(2 * (4 * 2 + 1));
  expect(sessions.filter(([, state, flaps]) => state !== "Established" || flaps !== 0)).toEqual([]);
  // A reflector has what its clients and its equal tell.
  expect(all.routes("r1")).toEqual(expect.arrayContaining(["10.244.1.0/26", "10.244.17.0/26"]));
  expect(all.routes("r1")).not.toContain("10.250.0.0/26");
});
