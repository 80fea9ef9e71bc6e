/** RFC 2918 and RFC 7313, (enhanced) route refresh, on one session, by clause; vectors have the messages. */

import { describe, expect, test } from "bun:test";
import {
  established,
  KEEPALIVE,
  MARKER,
  notification,
  OPEN,
  ROUTE_REFRESH,
  type Scene,
  scene,
} from "../bgpd/peer-scene.ts";

/** Their OPEN with route refresh and enhanced route refresh. */
const ENHANCED = `${MARKER}002f 01 04 fc01 005a 0a000002 12 0210 0104 0001 0001 0200 4600 4104 0000fc01`;
const refresh = (subtype: string, rest = ""): string =>
  `${MARKER}00${(23 + rest.length / 2).toString(16)} 05 0001 ${subtype} 01 ${rest}`;

function enhanced(): Scene {
  const stage = scene();
  stage.peer.start();
  stage.pass(0.1);
  stage.say(ENHANCED, KEEPALIVE);
  stage.pass(0.1);
  stage.heard.length = 0;
  stage.calls.length = 0;
  return stage;
}

describe("RFC 2918 section 4", () => {
  test("a request is answered by whoever has the table", () => {
    const stage = established();
    stage.say(ROUTE_REFRESH);
    stage.pass(0.1);
    expect(stage.calls).toEqual(["refresh 1/1"]);
  });
});

describe("RFC 7313 section 3.1", () => {
  test("both must have said the capability", () => {
    expect(enhanced().sessions[0]?.enhancedRefresh).toBe(true);
    expect(established().sessions[0]?.enhancedRefresh).toBe(false);
  });
});

describe("RFC 7313 section 4", () => {
  test("begin and end of an answer are told, and a request is one as before", () => {
    const stage = enhanced();
    stage.say(refresh("01"), refresh("02"), refresh("00"));
    stage.pass(0.1);
    expect(stage.calls).toEqual(["begin 1/1", "end 1/1", "refresh 1/1"]);
  });
});

describe("RFC 7313 section 5", () => {
  test("a subtype that is unknown is ignored", () => {
    const stage = enhanced();
    stage.say(refresh("03"), refresh("ff"));
    stage.pass(0.1);
    expect([stage.calls, stage.heard, stage.peer.status().state]).toEqual([[], [], "Established"]);
  });

  test("begin and end are, where they have not been agreed upon", () => {
    const stage = established();
    stage.say(refresh("01"), refresh("02"));
    stage.pass(0.1);
    expect([stage.calls, stage.heard, stage.peer.status().state]).toEqual([[], [], "Established"]);
  });

  test("one of a wrong length ends the session with itself", () => {
    const stage = enhanced();
    stage.say(refresh("01", "00"));
    stage.pass(0.1);
    const whole = refresh("01", "00").replaceAll(" ", "");
    expect(stage.heard).toEqual([notification(7, 1, whole)]);
  });
});

test("our OPEN comes without capabilities to who refuses the parameter (RFC 5492 section 3)", () => {
  const stage = scene();
  stage.peer.start();
  stage.pass(0.1);
  stage.say(notification(2, 4));
  stage.pass(3);
  const opens = stage.heard.filter((message) => message.slice(36, 38) === "01");
  expect(opens.map((message) => message.length / 2)).toEqual([49, 29]);
  stage.say(`${MARKER}001d 01 04 fc01 005a 0a000002 00`, KEEPALIVE);
  stage.pass(0.1);
  expect(stage.peer.status().state).toBe("Established");
  expect(stage.sessions[0]?.wire).toEqual({
    fourOctetAs: false,
    external: true,
    maxLength: 4096,
    families: [4],
    extendedNextHop: false,
  });
  expect(OPEN).toContain("4104");
});
