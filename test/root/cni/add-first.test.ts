/** The first packet after an ADD: the pod is reachable at once. */

import { expect, test } from "bun:test";
import { createScene, type Json } from "./scene.ts";

/** Where the kernel is not waited for, one in a hundred loses the first packet to the pod. */
const TIMES = 150;

test("every pod answers right after ADD", () => {
  const scene = createScene("a");
  try {
    const silent: number[] = [];
    for (let time = 0; time < TIMES; time++) {
      const [ip] = scene.done("ADD").ips as Json[];
      if (!scene.ping("host", String(ip?.address).replace("/32", ""))) silent.push(time);
      scene.done("DEL");
    }
    expect(silent).toEqual([]);
  } finally {
    scene.remove();
  }
});
