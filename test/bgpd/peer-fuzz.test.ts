/** Whatever a peer sends, in whatever pieces: the process goes on, and a good session comes up after it. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex } from "../../lib/hex.ts";
import { END_OF_RIB, KEEPALIVE, notification, OPEN, ROUTE_REFRESH, scene } from "./peer-scene.ts";

const messages = fc.oneof(
  fc.constantFrom(OPEN, KEEPALIVE, END_OF_RIB, ROUTE_REFRESH, notification(6, 4)).map(fromHex),
  fc.uint8Array({ maxLength: 60 }),
  fc
    .tuple(
      fc.constantFrom(OPEN, KEEPALIVE, END_OF_RIB, ROUTE_REFRESH, notification(2, 1)),
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
    )
    .map(([message, at, octet]) => {
      const bytes = fromHex(message);
      bytes[at % bytes.length] = octet;
      return bytes;
    }),
);

test("fuzzed streams never throw, and the next good session is taken", () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(messages, { maxLength: 12 }), (isUp, stream) => {
      const stage = scene();
      stage.peer.start();
      stage.pass(0.1);
      if (isUp) stage.say(OPEN, KEEPALIVE);
      for (const bytes of stream) {
        stage.theirs().write(bytes);
        stage.pass(0.01);
      }
      stage.theirs().reset();
      stage.pass(0.5);
      for (let second = 0; second < 130 && stage.peer.status().state !== "OpenSent"; second++) {
        stage.pass(1);
      }
      stage.say(OPEN, KEEPALIVE);
      stage.pass(0.1);
      expect(stage.peer.status().state).toBe("Established");
    }),
    { numRuns: 150 },
  );
});
