/** The addresses at which pods reach their node, on the twin kernel. */

import { describe, expect, test } from "bun:test";
import { PeeringAddresses } from "../../bgpd/peering-address.ts";
import { type Address, formatAddress, parseAddress } from "../../lib/address.ts";
import { silentLogger } from "../../lib/log.ts";
import { Scene } from "./fib/scene.ts";

const FOUR = parseAddress("169.254.0.179");
const SIX = parseAddress("fd00:179::1");

function started() {
  const scene = new Scene();
  const { kernel } = scene;
  const make = () => {
    const peering = new PeeringAddresses({ kernel, protocol: 77, log: silentLogger() });
    const apply = (wanted: readonly Address[]): void => {
      peering.have(wanted);
      peering.leaveOthers();
    };
    return { apply, have: peering.have.bind(peering), observe: peering.observe.bind(peering) };
  };
  const peering = make();
  kernel.watch(["address"], (event) => peering.observe(event));
  const has = (): string[] =>
    kernel
      .addresses(undefined, 1)
      .filter(({ address }) => [FOUR, SIX].some((one) => one.w0 === address.w0))
      .map(
        ({ address, length, scope, protocol }) =>
          `${formatAddress(address)}/${length} ${scope} ${protocol}`,
      );
  return { scene, kernel, peering, make, has };
}

describe("peering addresses", () => {
  test("are on the loopback link as long as they are wanted, each alone, with our number", () => {
    const { peering, has } = started();
    peering.apply([FOUR, SIX]);
    const both = ["169.254.0.179/32 link 77", "fd00:179::1/128 global 77"];
    expect(has()).toEqual(both);
    peering.apply([FOUR, SIX]);
    expect(has()).toEqual(both);
    peering.apply([SIX]);
    expect(has()).toEqual(both.slice(1));
    peering.apply([]);
    expect(has()).toEqual([]);
  });

  test("are put back when somebody takes them away", () => {
    const { scene, kernel, peering, has } = started();
    peering.apply([FOUR]);
    scene.deliver();
    kernel.apply({ type: "delete address", link: "lo", address: FOUR, length: 32 });
    expect(has()).toEqual([]);
    scene.deliver();
    expect(has()).toHaveLength(1);
    peering.apply([]);
    scene.deliver();
    expect(has()).toEqual([]);
  });

  test("are put back when nobody has said that they were taken away", () => {
    const { scene, kernel, peering, has } = started();
    peering.apply([FOUR]);
    scene.deliver();
    kernel.apply({ type: "delete address", link: "lo", address: FOUR, length: 32 });
    scene.host.overrun();
    scene.deliver();
    expect(has()).toHaveLength(1);
  });

  test("stay until the last words from them are said", () => {
    const { peering, has } = started();
    peering.apply([FOUR, SIX]);
    peering.have([SIX]);
    expect(has()).toHaveLength(2);
    peering.apply([SIX]);
    expect(has()).toHaveLength(1);
  });

  test("are known by a successor, who takes away those that nobody wants any more", () => {
    const { peering, make, has } = started();
    peering.apply([FOUR, SIX]);
    make().apply([FOUR]);
    expect(has()).toEqual(["169.254.0.179/32 link 77"]);
  });

  test("that others have given are used and left", () => {
    const { kernel, peering, has } = started();
    kernel.apply({ type: "add address", link: "lo", address: FOUR, length: 32, protocol: 4 });
    peering.apply([FOUR]);
    peering.apply([]);
    expect(has()).toEqual(["169.254.0.179/32 global 4"]);
  });
});
