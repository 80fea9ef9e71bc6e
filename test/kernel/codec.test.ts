/**
 * Requests and answers as octets: what `ip` of iproute2 6.1 sent on Linux 6.18, and what it was told.
 *
 * `requests.json` and `dumps.json` are recordings: commands, the message that did it, the answers. Our
 * requests must say the same; the order of attributes is free.
 */

import { describe, expect, test } from "bun:test";
import { readAddress } from "../../kernel/address.ts";
import { AF, NLM_F, RTM } from "../../kernel/const.ts";
import { errorOf } from "../../kernel/failure.ts";
import type { Request } from "../../kernel/kernel.ts";
import { readLink } from "../../kernel/link.ts";
import {
  attributesOf,
  bytesOf,
  type Message,
  MessageWriter,
  messagesOf,
  textOf,
} from "../../kernel/message.ts";
import { readNeighbour } from "../../kernel/neighbour.ts";
import { readNexthop } from "../../kernel/nexthop.ts";
import { writeRequest } from "../../kernel/request.ts";
import { readRoute } from "../../kernel/route.ts";
import { formatAddress } from "../../lib/address.ts";
import { addAddress, deleteAddress, ip, net, routeText, up } from "../suites/kernel-words.ts";
import dumps from "../vectors/netlink/dumps.json";
import requests from "../vectors/netlink/requests.json";

/** Of the machine where the vectors were taken. */
const LINKS: Readonly<Record<string, number>> = { br0: 2, v0: 3, br1: 4, w2: 6, nope: 0 };
const names = new Map(Object.entries(LINKS).map(([name, index]) => [index, name]));
/** The descriptor that `ip` had open for the namespace "pod". */
const POD = 4;

const via = (gateway: string) => ({ gateway: ip(gateway) });
const route = (type: "add" | "replace" | "delete", destination: string, spec = {}): Request => ({
  type: `${type} route`,
  route: { destination: net(destination), ...spec },
});

const OURS: Readonly<Record<string, Request>> = {
  "ip link add v0 numtxqueues 1 numrxqueues 1 mtu 1400 address 02:00:00:00:aa:01 type veth peer name v1 numtxqueues 1 numrxqueues 1 netns pod":
    {
      type: "create veth",
      end: { name: "v0", mtu: 1400, mac: "02:00:00:00:aa:01" },
      peer: { name: "v1", namespace: POD },
    },
  "ip link add br1 type bridge": { type: "create bridge", name: "br1" },
  "ip link set v0 up": up("v0"),
  "ip link set w0 name w2": { type: "set link", link: 6, name: "w2" },
  "ip link set w2 address 02:00:00:00:aa:09": {
    type: "set link",
    link: "w2",
    mac: "02:00:00:00:aa:09",
  },
  "ip link set v0 alias pods/c1/eth0": { type: "set link", link: "v0", alias: "pods/c1/eth0" },
  "ip link set v0 group 7": { type: "set link", link: "v0", group: 7 },
  "ip link delete group 7": { type: "delete group", group: 7 },
  "ip link set w2 mtu 1300": { type: "set link", link: "w2", mtu: 1300 },
  "ip link set w2 master br0": { type: "set link", link: "w2", master: "br0" },
  "ip link set w2 nomaster": { type: "set link", link: "w2", master: 0 },
  "ip link set w2 netns pod": { type: "set link", link: "w2", namespace: POD },
  "ip link del v0": { type: "delete link", link: 3 },
  "ip addr add 10.0.0.1/24 dev v0": addAddress("v0", "10.0.0.1/24"),
  "ip addr add 10.9.0.1/32 dev v0 scope link": {
    type: "add address",
    link: "v0",
    address: ip("10.9.0.1"),
    length: 32,
    scope: "link",
  },
  "ip addr add fd00::1/64 dev v0 nodad": addAddress("v0", "fd00::1/64"),
  "ip addr del 10.9.0.1/32 dev v0": deleteAddress("v0", "10.9.0.1/32"),
  "ip route add 10.1.0.0/16 dev v0": route("add", "10.1.0.0/16", { nextHops: [{ link: "v0" }] }),
  "ip route add 10.2.0.0/16 via 10.0.0.2": route("add", "10.2.0.0/16", {
    nextHops: [via("10.0.0.2")],
  }),
  "ip route add 10.3.0.0/16 via 10.0.0.2 dev v0 proto bird metric 32 src 10.0.0.1": route(
    "add",
    "10.3.0.0/16",
    {
      protocol: 12,
      metric: 32,
      preferredSource: ip("10.0.0.1"),
      nextHops: [{ ...via("10.0.0.2"), link: "v0" }],
    },
  ),
  "ip route add 10.4.0.0/16 via 169.254.1.1 dev v0 onlink": route("add", "10.4.0.0/16", {
    nextHops: [{ ...via("169.254.1.1"), link: "v0", onLink: true }],
  }),
  "ip route add blackhole 10.5.0.0/16 metric 32": route("add", "10.5.0.0/16", {
    type: "blackhole",
    metric: 32,
  }),
  "ip route add 10.6.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3 weight 3": route(
    "add",
    "10.6.0.0/16",
    { nextHops: [via("10.0.0.2"), { ...via("10.0.0.3"), weight: 3 }] },
  ),
  "ip route add 10.7.0.0/16 via 10.0.0.2 table 1000": route("add", "10.7.0.0/16", {
    table: 1000,
    nextHops: [via("10.0.0.2")],
  }),
  "ip route replace 10.2.0.0/16 via 10.0.0.3": route("replace", "10.2.0.0/16", {
    nextHops: [via("10.0.0.3")],
  }),
  "ip route del 10.2.0.0/16": route("delete", "10.2.0.0/16"),
  "ip route del 10.3.0.0/16 via 10.0.0.2 metric 32 proto bird": route("delete", "10.3.0.0/16", {
    protocol: 12,
    metric: 32,
    nextHops: [via("10.0.0.2")],
  }),
  "ip route add 10.8.0.0/16 via inet6 fd00::2 dev v0": route("add", "10.8.0.0/16", {
    nextHops: [{ ...via("fd00::2"), link: "v0" }],
  }),
  "ip route add fd01::/64 via fd00::2": route("add", "fd01::/64", { nextHops: [via("fd00::2")] }),
  "ip route add unreachable 10.10.0.0/16": route("add", "10.10.0.0/16", { type: "unreachable" }),
  "ip route add 10.244.2.0/24 via 172.30.0.12": route("add", "10.244.2.0/24", {
    nextHops: [via("172.30.0.12")],
  }),
  "ip route add 10.4.0.0/16 dev v0": route("add", "10.4.0.0/16", { nextHops: [{ link: "v0" }] }),
  "ip nexthop add id 7 via 10.0.0.2 dev v0 proto 77": {
    type: "add nexthop",
    nexthop: { id: 7, protocol: 77, ...via("10.0.0.2"), link: "v0" },
  },
  "ip nexthop add id 8 via 169.254.1.1 dev v0 onlink": {
    type: "add nexthop",
    nexthop: { id: 8, ...via("169.254.1.1"), link: "v0", onLink: true },
  },
  "ip nexthop add id 9 via fd00::2 dev v0": {
    type: "add nexthop",
    nexthop: { id: 9, ...via("fd00::2"), link: "v0" },
  },
  "ip nexthop add id 10 group 7/8,3 proto 77": {
    type: "add nexthop",
    nexthop: { id: 10, protocol: 77, members: [{ id: 7 }, { id: 8, weight: 3 }] },
  },
  "ip nexthop add id 11 blackhole": {
    type: "add nexthop",
    nexthop: { id: 11, blackhole: true },
  },
  "ip nexthop add id 7 via 10.0.0.3 dev v0": {
    type: "add nexthop",
    nexthop: { id: 7, ...via("10.0.0.3"), link: "v0" },
  },
  "ip nexthop replace id 7 via 10.0.0.4 dev v0 proto 77": {
    type: "change nexthop",
    nexthop: { id: 7, protocol: 77, ...via("10.0.0.4"), link: "v0" },
  },
  "ip nexthop add id 12 group 7/99": {
    type: "add nexthop",
    nexthop: { id: 12, members: [{ id: 7 }, { id: 99 }] },
  },
  "ip nexthop replace id 13 group 7/9": {
    type: "change nexthop",
    nexthop: { id: 13, members: [{ id: 7 }, { id: 9 }] },
  },
  "ip nexthop del id 11": { type: "delete nexthop", id: 11 },
  "ip nexthop del id 99": { type: "delete nexthop", id: 99 },
  "ip route add 10.11.0.0/16 nhid 10 proto 77 metric 1024": route("add", "10.11.0.0/16", {
    protocol: 77,
    metric: 1024,
    nexthop: 10,
  }),
  "ip route add 10.12.0.0/16 nhid 9": route("add", "10.12.0.0/16", { nexthop: 9 }),
  "ip route add 10.13.0.0/16 nhid 13": route("add", "10.13.0.0/16", { nexthop: 13 }),
  "ip route add 10.14.0.0/16 nhid 11": route("add", "10.14.0.0/16", { nexthop: 11 }),
  "ip route add 10.15.0.0/16 via inet6 fd00::3 dev v0": route("add", "10.15.0.0/16", {
    nextHops: [{ ...via("fd00::3"), link: "v0" }],
  }),
  "ip route add fd02::/64 nhid 9": route("add", "fd02::/64", { nexthop: 9 }),
  "ip route del 10.14.0.0/16 nhid 11": route("delete", "10.14.0.0/16", { nexthop: 11 }),
  "ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev v0": {
    type: "replace neighbour",
    link: "v0",
    address: ip("10.0.0.2"),
    mac: "02:00:00:00:00:02",
  },
  "ip neigh del 10.0.0.2 dev v0": { type: "delete neighbour", link: "v0", address: ip("10.0.0.2") },
};

/** What `ip link del nope` asks is how it learns that there is no such link: not a request of ours. */
const LOOKUPS = ["ip link del nope"];

const REFUSED: Readonly<Record<string, string>> = {
  "ip route add 10.244.2.0/24 via 172.30.0.12": "asked: Nexthop has invalid gateway (ENETUNREACH)",
  "ip route add 10.4.0.0/16 dev v0": "asked: exists already (EEXIST)",
  "ip nexthop add id 7 via 10.0.0.3 dev v0": "asked: exists already (EEXIST)",
  "ip nexthop add id 12 group 7/99": "asked: Invalid nexthop id (EINVAL)",
  "ip nexthop del id 99": "asked: no such entry (ENOENT)",
  "ip link del nope": "asked: no such link (ENODEV)",
};

/** Octets before the attributes, by message type. */
const BODY: Readonly<Record<number, number>> = {
  [RTM.NEWLINK]: 16,
  [RTM.DELLINK]: 16,
  [RTM.NEWADDR]: 8,
  [RTM.DELADDR]: 8,
  [RTM.NEWROUTE]: 12,
  [RTM.DELROUTE]: 12,
  [RTM.NEWNEXTHOP]: 8,
  [RTM.DELNEXTHOP]: 8,
  [RTM.NEWNEIGH]: 12,
  [RTM.DELNEIGH]: 12,
};
const IFLA_LINKINFO = 18;

function only(hex: string): Message {
  const [message, ...more] = messagesOf(Uint8Array.fromHex(hex));
  if (message === undefined || more.length > 0) throw new Error("not one message");
  return message;
}

/** A message without its numbering, attributes sorted by type. */
function meaning({ type, flags, body }: Message) {
  const header = BODY[type] ?? 0;
  const fixed = bytesOf(body).slice(0, header);
  // ndm_state: `ip` fills it in also to delete, where nobody reads it.
  if (type === RTM.DELNEIGH) fixed[8] = 0;
  return {
    type,
    flags: flags | NLM_F.REQUEST | NLM_F.ACK,
    body: fixed.toHex(),
    attributes: attributesIn(
      body,
      header,
      (attribute) => type === RTM.NEWLINK && attribute === IFLA_LINKINFO,
    ),
  };
}

/** Attributes as `type: octets`; those of IFLA_LINKINFO are taken apart down to the peer's. */
function attributesIn(
  view: DataView,
  offset: number,
  isNest: (type: number) => boolean,
): Record<string, unknown> {
  const IFLA_INFO_DATA = 2;
  const VETH_INFO_PEER = 1;
  return Object.fromEntries(
    [...attributesOf(view, offset)]
      .sort(([a], [b]) => a - b)
      .map(([type, value]) => {
        if (!isNest(type)) return [type, bytesOf(value).toHex()];
        const info = attributesOf(value, 0);
        const peer = info.get(IFLA_INFO_DATA);
        const inner = peer && attributesOf(peer, 0).get(VETH_INFO_PEER);
        return [
          type,
          {
            // With or without a NUL.
            kind: textOf(info.get(1)!),
            ...(inner === undefined
              ? {}
              : {
                  peer: attributesIn(inner, 16, () => false),
                  header: bytesOf(inner).subarray(0, 16).toHex(),
                }),
          },
        ];
      }),
  );
}

function encoded(request: Request): Message {
  const writer = new MessageWriter();
  writeRequest(
    request,
    (link) => (typeof link === "number" ? link : (LINKS[link] ?? -1)),
    (type, flags) => writer.begin(type, flags, 7),
  );
  return only(writer.bytes.toHex());
}

describe("requests say what ip says", () => {
  for (const { command, request } of requests.filter(({ command }) => !LOOKUPS.includes(command))) {
    test(command, () => {
      const ours = OURS[command];
      expect(ours).toBeDefined();
      const theirs = meaning(only(request));
      // `ip` has no word for changing what must be there.
      if (ours?.type === "change nexthop") theirs.flags &= ~NLM_F.CREATE;
      expect(meaning(encoded(ours!))).toEqual(theirs);
    });
  }

  test("there is no request of ours without a recording", () => {
    expect(Object.keys(OURS).sort()).toEqual(
      requests
        .map(({ command }) => command)
        .filter((command) => !LOOKUPS.includes(command))
        .sort(),
    );
  });
});

describe("acknowledgements are read", () => {
  for (const { command, answer } of requests) {
    test(`${command}: ${REFUSED[command] ?? "done"}`, () => {
      expect(errorOf(only(answer))?.toError("asked").message).toBe(REFUSED[command]!);
    });
  }
});

/** Every message of a recording, by one of our readers. */
function decoded<Item>(command: string, read: (message: Message) => Item): Item[] {
  const dump = dumps.find((candidate) => candidate.command === command);
  return (dump?.answers ?? []).map((answer) => read(only(answer)));
}

describe("answers are read as ip shows them", () => {
  const V0 = {
    index: 3,
    name: "v0",
    kind: "veth",
    mac: "02:00:00:00:aa:01",
    mtu: 1400,
    up: true,
    peer: 2,
    peerNamespace: 0,
  };

  test("ip link show", () => {
    expect(decoded("ip link show", readLink)).toEqual([
      { index: 1, name: "lo", mac: "00:00:00:00:00:00", mtu: 65_536, up: false, carrier: false },
      {
        index: 2,
        name: "br0",
        kind: "bridge",
        mac: "02:00:00:00:aa:09",
        mtu: 1300,
        up: false,
        carrier: false,
      },
      { ...V0, carrier: false },
      {
        index: 6,
        name: "w2",
        kind: "veth",
        mac: "02:00:00:00:aa:09",
        mtu: 1300,
        up: false,
        carrier: false,
        master: 2,
        peer: 5,
      },
    ]);
    expect(decoded("ip link show dev v0", readLink)).toEqual([{ ...V0, carrier: true }]);
  });

  test("ip addr show", () => {
    const text = (message: Message) => {
      const { address, length, scope, link } = readAddress(message)!;
      return `${formatAddress(address)}/${length} ${scope} dev ${names.get(link)}`;
    };
    expect(decoded("ip addr show dev v0", text)).toEqual([
      "10.0.0.1/24 global dev v0",
      "fd00::1/64 global dev v0",
      "fe80::ff:fe00:aa01/64 link dev v0",
    ]);
  });

  test("an address that is being checked, or that is another's too, cannot be used", () => {
    const [message] = decoded("ip addr show dev v0", (one) => one).slice(-1);
    const withFlags = (flags: number): unknown => {
      const body = new DataView(
        new Uint8Array(
          new Uint8Array(message!.body.buffer, message!.body.byteOffset, message!.body.byteLength),
        ).buffer,
      );
      body.setUint8(2, flags);
      return readAddress({ ...message!, body })?.unusable;
    };
    // IFA_F_PERMANENT, _TENTATIVE, _OPTIMISTIC, _DADFAILED (linux/if_addr.h).
    expect([0x80, 0xc0, 0x44, 0xc8].map(withFlags)).toEqual([
      undefined,
      "tentative",
      undefined,
      "duplicate",
    ]);
  });

  const routes: [string, string[]][] = [
    [
      "ip -4 route show table main",
      [
        "10.0.0.0/24 dev v0 proto 2 scope link src 10.0.0.1",
        "10.1.0.0/16 dev v0 proto 3 scope link",
        "10.4.0.0/16 via 169.254.1.1 dev v0 onlink proto 3",
        "blackhole 10.5.0.0/16 proto 3 metric 32",
        "10.6.0.0/16 via 10.0.0.2 dev v0, via 10.0.0.3 dev v0 weight 3 proto 3",
        "10.8.0.0/16 via fd00::2 dev v0 proto 3",
        "unreachable 10.10.0.0/16 proto 3",
      ],
    ],
    ["ip -4 route show table 1000", ["10.7.0.0/16 via 10.0.0.2 dev v0 proto 3 table 1000"]],
    [
      "ip -4 route show table main with nexthop objects",
      [
        "10.0.0.0/24 dev v0 proto 2 scope link src 10.0.0.1",
        "10.11.0.0/16 via 10.0.0.4 dev v0, via 169.254.1.1 dev v0 onlink weight 3 proto 77 metric 1024 nhid 10",
        "10.12.0.0/16 via fd00::2 dev v0 proto 3 nhid 9",
        "10.13.0.0/16 via 10.0.0.4 dev v0, via fd00::2 dev v0 proto 3 nhid 13",
        "10.15.0.0/16 via fd00::3 dev v0 proto 3",
      ],
    ],
    [
      "ip -6 route show table main with nexthop objects",
      [
        "fd00::/64 dev v0 proto 2 metric 256",
        "fd02::/64 via fd00::2 dev v0 proto 3 metric 1024 nhid 9",
        "fe80::/64 dev v0 proto 2 metric 256",
      ],
    ],
    [
      "ip -6 route show table main",
      [
        "fd00::/64 dev v0 proto 2 metric 256",
        "fd01::/64 via fd00::2 dev v0 proto 3 metric 1024",
        "fe80::/64 dev v0 proto 2 metric 256",
      ],
    ],
  ];
  for (const [command, texts] of routes) {
    test(command, () => {
      expect(decoded(command, (message) => routeText(readRoute(message)!, names))).toEqual(texts);
    });
  }

  test("ip nexthop show", () => {
    expect(decoded("ip nexthop show", readNexthop)).toEqual([
      { id: 7, protocol: 77, ...via("10.0.0.4"), link: 3 },
      { id: 8, protocol: 0, ...via("169.254.1.1"), link: 3, onLink: true },
      { id: 9, protocol: 0, ...via("fd00::2"), link: 3 },
      { id: 10, protocol: 77, members: [{ id: 7 }, { id: 8, weight: 3 }] },
      { id: 11, protocol: 0, blackhole: true },
      { id: 13, protocol: 0, members: [{ id: 7 }, { id: 9 }] },
    ]);
  });

  test("ip neigh show", () => {
    const text = (message: Message) => {
      const { address, mac, state, link } = readNeighbour(message)!;
      return `${formatAddress(address)} dev ${names.get(link)} lladdr ${mac} ${state}`;
    };
    expect(decoded("ip neigh show", text)).toEqual([
      "10.0.0.3 dev v0 lladdr 02:00:00:00:00:03 noarp",
      "10.0.0.2 dev v0 lladdr 02:00:00:00:00:02 permanent",
      "ff02::16 dev v0 lladdr 33:33:00:00:00:16 noarp",
      "ff02::1:ff00:aa01 dev v0 lladdr 33:33:ff:00:aa:01 noarp",
    ]);
  });

  test("a bridge's entries are no neighbours of ours", () => {
    const bridge = Uint8Array.fromHex(dumps.at(-1)!.answers[0]!);
    bridge[16] = AF.BRIDGE;
    expect(readNeighbour(only(bridge.toHex()))).toBeUndefined();
  });
});

describe("octets that lie", () => {
  const [first = ""] = dumps[0]?.answers ?? [];

  test("a message that claims more than there is ends the walk", () => {
    const bytes = Uint8Array.fromHex(first);
    expect([...messagesOf(bytes.subarray(0, bytes.length - 1))]).toEqual([]);
    expect([...messagesOf(new Uint8Array(64))]).toEqual([]);
  });

  test("an attribute that claims more than there is ends the walk", () => {
    const view = new DataView(Uint8Array.of(8, 0, 1, 0, 1, 2, 3, 4, 200, 0, 2, 0, 9).buffer);
    expect([...attributesOf(view, 0).keys()]).toEqual([1]);
  });

  test("any message cut anywhere is read without a throw, or not at all", () => {
    for (const hex of dumps.flatMap(({ answers }) => answers.slice(0, 2))) {
      const bytes = Uint8Array.fromHex(hex);
      for (let length = 16 + 16; length < bytes.length; length++) {
        const cut = bytes.slice(0, length);
        new DataView(cut.buffer).setUint32(0, length, true);
        for (const message of messagesOf(cut)) {
          if (message.type === RTM.NEWLINK) readLink(message);
          if (message.type === RTM.NEWADDR) readAddress(message);
          if (message.type === RTM.NEWNEIGH) readNeighbour(message);
          if (message.type === RTM.NEWNEXTHOP) readNexthop(message);
        }
      }
    }
  });
});
