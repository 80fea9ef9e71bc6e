import { createMemoryHost } from "../../kernel/memory.ts";
import { kernelSuite } from "../suites/kernel.ts";

kernelSuite("kernel in memory", () => {
  const memory = createMemoryHost();
  const podNamespace = memory.createNamespace("pod");
  const host = memory.kernel();
  const second = memory.kernel();
  const pod = memory.kernel(podNamespace);
  return {
    host,
    pod,
    second,
    podNamespace,
    async until(condition) {
      for (let turn = 0; turn < 10 && !condition(); turn++) await Promise.resolve();
      if (!condition()) throw new Error("it did not come about");
    },
    close() {
      host.close();
      pod.close();
      second.close();
    },
  };
});
