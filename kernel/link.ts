/** Links: struct ifinfomsg and IFLA_* attributes (linux/if_link.h, linux/veth.h). */

import { AF } from "./const.ts";
import type { Ipv4Settings, Link, LinkInFull, Request, VethEnd } from "./kernel.ts";
import { attributesOf, bytesOf, type Message, type MessageWriter, textOf } from "./message.ts";

const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  LINKINFO: 18,
  IFALIAS: 20,
  NET_NS_FD: 28,
  EXT_MASK: 29,
  NUM_TX_QUEUES: 31,
  NUM_RX_QUEUES: 32,
  AF_SPEC: 26,
  GROUP: 27,
  LINK_NETNSID: 37,
} as const;
/** linux/if_link.h */
const IFLA_INET_CONF = 1;
/** IPV4_DEVCONF_* of linux/ip.h. */
const IPV4_DEVCONF = { forwarding: 1, proxy_arp: 3, rp_filter: 8, route_localnet: 26 } as const;

/** Every setting that `Ipv4Settings` can have. */
export const IPV4_SETTINGS = ["forwarding", "proxy_arp", "rp_filter", "route_localnet"] as const;
const IFLA_INFO = { KIND: 1, DATA: 2 } as const;
const VETH_INFO_PEER = 1;
const IFF = { UP: 0x1, LOWER_UP: 0x1_0000 } as const;

type CreateVeth = Extract<Request, { type: "create veth" }>;
type SetLink = Extract<Request, { type: "set link" }>;

/** struct ifinfomsg; `change` names the bits of `flags` that are meant. */
function writeHeader(writer: MessageWriter, index = 0, flags = 0, change = 0): void {
  writer.u8(0).u8(0).u16(0).u32(index).u32(flags).u32(change);
}

/** RTM_GETLINK, RTM_DELLINK of one link; a dump without a reference. */
export function writeLinkReference(writer: MessageWriter, reference?: number | string): void {
  writeHeader(writer, typeof reference === "number" ? reference : 0);
  if (typeof reference === "string") writer.attributeText(IFLA.IFNAME, reference);
}

/** RTM_DELLINK of a group. */
export function writeGroup(writer: MessageWriter, group: number): void {
  writeHeader(writer);
  writer.attributeU32(IFLA.GROUP, group);
}

/** RTM_NEWLINK that makes a veth pair, its peer born in another namespace when one is given. */
export function writeVeth(writer: MessageWriter, { end, peer }: CreateVeth): void {
  writeHeader(writer);
  writeEnd(writer, end);
  writeQueues(writer, end);
  const info = writer.open(IFLA.LINKINFO);
  writer.attributeText(IFLA_INFO.KIND, "veth");
  const data = writer.open(IFLA_INFO.DATA);
  const other = writer.open(VETH_INFO_PEER);
  writeHeader(writer);
  writeEnd(writer, peer);
  writeQueues(writer, peer);
  if (peer.namespace !== undefined) writer.attributeU32(IFLA.NET_NS_FD, peer.namespace);
  writer.close(other);
  writer.close(data);
  writer.close(info);
}

/** RTM_NEWLINK that makes a bridge. */
export function writeBridge(writer: MessageWriter, name: string, mtu: number | undefined): void {
  writeHeader(writer);
  writeEnd(writer, { name, ...(mtu === undefined ? {} : { mtu }) });
  const info = writer.open(IFLA.LINKINFO);
  writer.attributeText(IFLA_INFO.KIND, "bridge");
  writer.close(info);
}

/** RTM_NEWLINK that changes one. `index` and `master` are resolved already. */
export function writeLinkChange(
  writer: MessageWriter,
  change: SetLink,
  { index, master }: { index: number; master: number | undefined },
): void {
  const { up } = change;
  writeHeader(writer, index, up === true ? IFF.UP : 0, up === undefined ? 0 : IFF.UP);
  if (change.name !== undefined) writer.attributeText(IFLA.IFNAME, change.name);
  if (change.group !== undefined) writer.attributeU32(IFLA.GROUP, change.group);
  if (change.alias !== undefined) {
    // Without a NUL: the kernel would count it in.
    writer.attribute(IFLA.IFALIAS, new TextEncoder().encode(change.alias));
  }
  if (change.mac !== undefined) writer.attribute(IFLA.ADDRESS, macToBytes(change.mac));
  if (change.mtu !== undefined) writer.attributeU32(IFLA.MTU, change.mtu);
  if (master !== undefined) writer.attributeU32(IFLA.MASTER, master);
  if (change.namespace !== undefined) writer.attributeU32(IFLA.NET_NS_FD, change.namespace);
}

/** RTM_NEWLINK that changes IPv4 settings of one. */
export function writeIpv4Settings(
  writer: MessageWriter,
  index: number,
  settings: Ipv4Settings,
): void {
  writeHeader(writer, index);
  const families = writer.open(IFLA.AF_SPEC);
  const ipv4 = writer.open(AF.INET);
  const conf = writer.open(IFLA_INET_CONF);
  for (const name of IPV4_SETTINGS) {
    const value = settings[name];
    if (value !== undefined) writer.attributeU32(IPV4_DEVCONF[name], value);
  }
  writer.close(conf);
  writer.close(ipv4);
  writer.close(families);
}

/** A link of RTM_NEWLINK or RTM_DELLINK. */
export function readLink({ body }: Message): Link {
  return linkOf(body, attributesOf(body, 16, isOfLink));
}

/** As `readLink`, with its IPv4 settings: IFLA_INET_CONF has them all, from number 1 on. */
export function readLinkInFull({ body }: Message): LinkInFull {
  const attributes = attributesOf(body, 16, isOfLink);
  const link = linkOf(body, attributes);
  const families = attributes.get(IFLA.AF_SPEC);
  const ipv4 = families === undefined ? undefined : attributesOf(families, 0).get(AF.INET);
  const conf = ipv4 === undefined ? undefined : attributesOf(ipv4, 0).get(IFLA_INET_CONF);
  if (conf === undefined) return link;
  const value = (number: number): number =>
    conf.byteLength < 4 * number ? 0 : conf.getInt32(4 * (number - 1), true);
  const settings = {
    forwarding: value(IPV4_DEVCONF.forwarding),
    proxy_arp: value(IPV4_DEVCONF.proxy_arp),
    rp_filter: value(IPV4_DEVCONF.rp_filter),
    route_localnet: value(IPV4_DEVCONF.route_localnet),
  };
  return { ...link, ipv4: settings };
}

/** What is read of the sixty attributes that a link has. */
function isOfLink(type: number): boolean {
  switch (type) {
    case IFLA.ADDRESS:
    case IFLA.IFNAME:
    case IFLA.MTU:
    case IFLA.LINK:
    case IFLA.MASTER:
    case IFLA.LINKINFO:
    case IFLA.IFALIAS:
    case IFLA.AF_SPEC:
    case IFLA.GROUP:
    case IFLA.LINK_NETNSID:
      return true;
    default:
      return false;
  }
}

function linkOf(body: DataView, attributes: ReadonlyMap<number, DataView>): Link {
  const u32 = (type: number): number | undefined => attributes.get(type)?.getUint32(0, true);
  const flags = body.getUint32(8, true);
  const info = attributes.get(IFLA.LINKINFO);
  const kind = info === undefined ? undefined : attributesOf(info, 0).get(IFLA_INFO.KIND);
  const name = attributes.get(IFLA.IFNAME);
  const mac = attributes.get(IFLA.ADDRESS);
  const alias = attributes.get(IFLA.IFALIAS);
  const master = u32(IFLA.MASTER);
  const group = u32(IFLA.GROUP) ?? 0;
  const peer = u32(IFLA.LINK);
  const peerNamespace = attributes.get(IFLA.LINK_NETNSID)?.getInt32(0, true);
  return {
    index: body.getInt32(4, true),
    name: name === undefined ? "" : textOf(name),
    ...(kind === undefined ? {} : { kind: textOf(kind) }),
    ...(mac === undefined || mac.byteLength !== 6 ? {} : { mac: macFromBytes(bytesOf(mac)) }),
    mtu: u32(IFLA.MTU) ?? 0,
    ...(alias === undefined ? {} : { alias: textOf(alias) }),
    up: (flags & IFF.UP) !== 0,
    carrier: (flags & IFF.LOWER_UP) !== 0,
    ...(master === undefined ? {} : { master }),
    ...(group === 0 ? {} : { group }),
    ...(peer === undefined ? {} : { peer }),
    ...(peerNamespace === undefined ? {} : { peerNamespace }),
  };
}

/** Six bytes of `aa:bb:cc:dd:ee:ff`. */
export function macToBytes(mac: string): Uint8Array {
  // Loops, where the built-in mappings cost a plugin's process 0.2 ms to be compiled.
  const bytes = new Uint8Array(6);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(mac.slice(3 * i, 3 * i + 2), 16);
  return bytes;
}

/** `aa:bb:cc:dd:ee:ff`, lower case. */
export function macFromBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes)
    text += `${text === "" ? "" : ":"}${byte < 16 ? "0" : ""}${byte.toString(16)}`;
  return text;
}

/**
 * A veth uses one queue each way unless somebody asks for more, but the kernel makes room for as many as there can
 * be CPUs. Asking for one halves the time that making the pair takes, on two CPUs.
 */
function writeQueues(writer: MessageWriter, { queues = 1 }: VethEnd): void {
  writer.attributeU32(IFLA.NUM_TX_QUEUES, queues);
  writer.attributeU32(IFLA.NUM_RX_QUEUES, queues);
}

function writeEnd(
  writer: MessageWriter,
  { name, mac, mtu }: { name: string; mac?: string; mtu?: number },
): void {
  writer.attributeText(IFLA.IFNAME, name);
  if (mac !== undefined) writer.attribute(IFLA.ADDRESS, macToBytes(mac));
  if (mtu !== undefined) writer.attributeU32(IFLA.MTU, mtu);
}
