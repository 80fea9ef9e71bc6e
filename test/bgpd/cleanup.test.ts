import { expect, test } from "bun:test";
import { cleanUp } from "../../bgpd/cleanup.ts";
import { formatAddress, parseAddress } from "../../lib/address.ts";
import { METRIC, Scene } from "./fib/scene.ts";

test("a cleanup removes routes, nexthop objects and addresses of ours in every table, and no other", () => {
  const scene = new Scene();
  const daemon = scene.start();
  daemon.want("10.1.0.0/24", "172.30.0.1", "172.31.0.1");
  daemon.want("10.2.0.0/24", "blackhole");
  daemon.flush();
  scene.route("add", "10.3.0.0/24", { metric: 7, table: 100, type: "blackhole" });
  scene.route("add", "10.4.0.0/24", { protocol: 4, type: "blackhole" });
  scene.kernel.apply({ type: "add nexthop", nexthop: { id: 7, link: "eth0", protocol: 77 } });
  for (const [text, own] of [
    ["169.254.0.179", { protocol: 77 }],
    ["169.254.0.180", {}],
  ] as const) {
    const address = parseAddress(text);
    scene.kernel.apply({ type: "add address", link: "lo", address, length: 32, ...own });
  }
  expect(cleanUp(scene.kernel)).toEqual({ routes: 3, nexthops: 3, addresses: 1, errors: [] });
  const left = scene.kernel.addresses(4, 1).map(({ address }) => formatAddress(address));
  expect(left.filter((text) => text.startsWith("169.254."))).toEqual(["169.254.0.180"]);
  expect(scene.objects()).toEqual(["7 dev eth0"]);
  expect(scene.routes()).toEqual(["blackhole 10.4.0.0/24 proto 4"]);
  expect(cleanUp(scene.kernel)).toEqual({ routes: 0, nexthops: 0, addresses: 0, errors: [] });
  scene.route("add", "10.5.0.0/24", { metric: METRIC, type: "blackhole" });
  scene.host.inject(() => ({ code: "EPERM" }));
  expect(cleanUp(scene.kernel).errors.map(({ code }) => code)).toEqual(["EPERM"]);
});
