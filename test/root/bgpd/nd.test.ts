/** Neighbour discovery on the kernel's sockets: both ends of a veth pair in this process. */

import { expect, test } from "bun:test";
import { openNdSocket } from "../../../bgpd/nd/socket.ts";
import { parseAddress } from "../../../lib/address.ts";
import { eventually, isInside } from "../../interop/network.ts";
import { type NdHost, ndSuite } from "../../suites/nd.ts";

function ip(...args: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["ip", ...args]);
  if (exitCode !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
  return stdout.toString();
}

function host(name: string, text: string): NdHost {
  ip("link", "set", name, "addrgenmode", "none");
  ip("link", "set", name, "up");
  ip("address", "add", `${text}/64`, "dev", name, "nodad");
  const [link] = JSON.parse(ip("-j", "link", "show", name)) as { ifindex: number }[];
  return { open: openNdSocket, link: link?.ifindex ?? 0, address: parseAddress(text) };
}

if (isInside) {
  ndSuite("neighbour discovery in the kernel", async () => {
    ip("link", "add", "nd0", "type", "veth", "peer", "name", "nd1");
    ip("link", "set", "lo", "up");
    const [a, b] = [host("nd0", "fe80::a"), host("nd1", "fe80::b")];
    return {
      a,
      b,
      nowhere: 1,
      // What shall not come has a moment to do so.
      settle: (isSo) => eventually("it came", () => isSo(), 300).then(undefined, () => undefined),
      close: () => void ip("link", "delete", "nd0"),
    };
  });

  test("a socket that was closed leaves no descriptor and wakes nobody", async () => {
    const count = (): number =>
      new Set(Array.from(new Bun.Glob("*").scanSync("/proc/self/fd"))).size;
    const before = count();
    for (let round = 0; round < 20; round++) {
      openNdSocket(
        () => {},
        () => {},
      ).close();
    }
    await eventually("they are closed", () => count() <= before);
    expect(count()).toBeLessThanOrEqual(before);
  });
}
