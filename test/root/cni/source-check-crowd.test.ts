/** Many pods of IPv6 at once on a node where the source check is not there yet. */

import { expect, test } from "bun:test";
import { atOnce, createCrowd } from "./crowd.ts";

test("of many pods that come at once each leaves one rule", async () => {
  const crowd = createCrowd(24, ["10.244.1.0/24", "fd00:10:244:1::/120"]);
  try {
    for (let round = 0; round < 3; round++) {
      const answers = await atOnce(crowd, "ADD", crowd.pods);
      for (const { status, stdout } of answers.values()) {
        expect({ status, stdout }).toMatchObject({ status: 0 });
      }
      const rules = crowd.scene.run("host", "nft", "list", "ruleset");
      expect(rules.split("iifname")).toHaveLength(2);
      await atOnce(crowd, "DEL", crowd.pods);
      crowd.scene.run("host", "nft", "delete", "table", "ip6", "manx");
    }
  } finally {
    crowd.scene.remove();
  }
});
