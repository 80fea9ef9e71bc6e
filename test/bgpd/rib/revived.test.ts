import { expect, test } from "bun:test";
import { PLAIN_SELECTION } from "../../../bgpd/rib/route.ts";
import { parseAddress } from "../../../lib/address.ts";
import { attributesOf, peerAt, Scene } from "./scene.ts";

const PREFIXES = Array.from({ length: 10 }, (_, index) => `10.0.${index}.0/24`);
/** Neither the first nor the last to be swept. */
const MIDDLE = "10.0.5.0/24";

test("a path that its peer tells again before its row was swept is chosen again, the same as before", () => {
  const scene = new Scene(undefined, PLAIN_SELECTION, { stride: 1 });
  const source = scene.add(peerAt(1, "external"));
  const other = scene.add(peerAt(2, "external"));
  const direct = attributesOf([65_001], "10.0.0.1");
  scene.announce(source, PREFIXES, direct);
  scene.settle();
  const nextHop = () => scene.best.get(MIDDLE)?.nextHop;

  // Nothing of the source's is told in time, and what somebody else tells is decided meanwhile.
  scene.rib.beginRefresh(source, 4);
  scene.rib.endRefresh(source, 4);
  scene.announce(other, [MIDDLE], attributesOf([65_002, 65_003], "10.0.0.2"));
  scene.rib.work(0);
  expect(nextHop()).toEqual(parseAddress("10.0.0.2"));
  expect(scene.rib.peerCounts(source)).toMatchObject({ received: 0, accepted: 9 });
  scene.announce(source, [MIDDLE], direct);
  scene.settle();
  expect(nextHop()).toEqual(parseAddress("10.0.0.1"));
  expect(scene.rib.counts()).toMatchObject({ prefixes: 1, paths: 2 });
});
