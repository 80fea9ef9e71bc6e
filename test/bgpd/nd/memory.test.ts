/** The twin passes the suite of the kernel's sockets. */

import { MemoryNdNetwork } from "../../../bgpd/nd/memory.ts";
import { parseAddress } from "../../../lib/address.ts";
import { VirtualClock } from "../../../lib/clock.ts";
import { ndSuite } from "../../suites/nd.ts";

ndSuite("neighbour discovery in memory", async () => {
  const clock = new VirtualClock();
  const network = new MemoryNdNetwork(clock);
  const host = (link: number, text: string) => {
    const address = parseAddress(text);
    const endOf = (index: number) => (index === link ? { wire: "cable", address } : undefined);
    return { link, address, open: network.host(() => [link], endOf) };
  };
  return {
    a: host(3, "fe80::a"),
    b: host(4, "fe80::b"),
    nowhere: 9,
    until: async () => clock.advance(10),
    pause: async () => clock.advance(10),
    close: () => {},
  };
});
