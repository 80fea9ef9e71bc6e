/** The kernel suite on Linux itself, in namespaces of its own for each test. */

import { closeSync, openSync } from "node:fs";
import { openKernel } from "../../../kernel/netlink.ts";
import { createNamespace, removeNamespace } from "../../../kernel/netns.ts";
import { kernelSuite } from "../../suites/kernel.ts";

const PATIENCE = 5000;
let count = 0;

kernelSuite("kernel by netlink", () => {
  const serial = count++;
  const paths = ["host", "pod"].map((name) => `/run/kernel-suite-${serial}-${name}`);
  const descriptors = paths.map((path) => {
    createNamespace(path);
    return openSync(path, "r");
  });
  const [hostNamespace = -1, podNamespace = -1] = descriptors;
  const host = openKernel({ namespace: hostNamespace });
  const second = openKernel({ namespace: hostNamespace });
  const pod = openKernel({ namespace: podNamespace });
  return {
    host,
    pod,
    second,
    podNamespace,
    async until(condition) {
      const end = performance.now() + PATIENCE;
      while (!condition()) {
        if (performance.now() > end) throw new Error("it did not come about");
        await Bun.sleep(2);
      }
    },
    close() {
      host.close();
      pod.close();
      second.close();
      descriptors.forEach(closeSync);
      paths.forEach(removeNamespace);
    },
  };
});
