/** The thread's entry: `thread.ts` starts it with an eventfd and the port to speak through. */

import { receiveMessageOnPort, workerData } from "node:worker_threads";
import { runLoop } from "./loop.ts";
import type { ThreadStart } from "./thread.ts";

const { wake, port }: ThreadStart = workerData;

runLoop({
  wake,
  command: () => receiveMessageOnPort(port)?.message,
  report: (report) => port.postMessage(report),
});
port.close();
