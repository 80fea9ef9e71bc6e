/** Neighbour discovery on the kernel's sockets: both ends of a veth pair in this process. */

import { expect, test } from "bun:test";
import { openNdSocket } from "../../../bgpd/nd/socket.ts";
import { formatAddress, parseAddress, withZone } from "../../../lib/address.ts";
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
      until: (isSo) => eventually("it came", isSo),
      pause: () => Bun.sleep(300),
      close: () => void ip("link", "delete", "nd0"),
    };
  });

  test("of two link-local addresses the one that was meant is the source", async () => {
    ip("link", "add", "nd0", "type", "veth", "peer", "name", "nd1");
    const [a, b] = [host("nd0", "fe80::a"), host("nd1", "fe80::b")];
    ip("address", "add", "fe80::aa/64", "dev", "nd0", "nodad");
    const heard: string[] = [];
    const failed = (error: unknown): never => {
      throw error;
    };
    const sender = a.open(() => {}, failed);
    const receiver = b.open(({ source, link }) => {
      if (link === b.link) heard.push(formatAddress(source));
    }, failed);
    const names = ["fe80::a", "fe80::aa", "fe80::a"];
    for (const name of names) {
      const local = withZone(parseAddress(name), a.link);
      sender.send(Uint8Array.of(134, ...new Uint8Array(15)), parseAddress("ff02::1"), local);
    }
    await eventually("all are heard", () => heard.length === names.length);
    expect(heard).toEqual(names);
    sender.close();
    receiver.close();
    ip("link", "delete", "nd0");
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
