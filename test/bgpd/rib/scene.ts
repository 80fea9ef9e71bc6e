/** A RIB with peers that speak in UPDATEs and write down what they are told. */

import { createRib } from "../../../bgpd/rib/rib.ts";
import {
  type BestChange,
  type PathSelection,
  type PeerId,
  PLAIN_SELECTION,
  type ReceiveSummary,
  type ResolveNextHop,
  type Rib,
  type RibOptions,
  type RibPeer,
  type RoutePolicy,
} from "../../../bgpd/rib/route.ts";
import { PLAIN_RULES } from "../../../bgpd/rib/rules.ts";
import type { Attributes } from "../../../bgpd/wire/attributes.ts";
import { decode, encode } from "../../../bgpd/wire/codec.ts";
import { HEADER_LENGTH } from "../../../bgpd/wire/const.ts";
import type { WireContext } from "../../../bgpd/wire/context.ts";
import { Framer } from "../../../bgpd/wire/framer.ts";
import type { Nlri, Reach, UpdateMessage } from "../../../bgpd/wire/message.ts";
import type { MultiprotocolNextHop } from "../../../bgpd/wire/multiprotocol.ts";
import { type Family, formatAddress, parseAddress } from "../../../lib/address.ts";
import { formatPrefix } from "../../../lib/prefix.ts";
import { formatNlri, parseNlri } from "../wire/nlri-text.ts";

export const OUR_AS = 64512;
export const OUR_ID = parseAddress("172.30.0.1");

export const OUR_ID6 = parseAddress("fd00:30::1");

export const ACCEPT: RoutePolicy = () => ACCEPTED;
const ACCEPTED = { accept: true, reason: "accepted by the test" };

/** A peer at 172.30.0.N; external ones have AS 65000 + N. */
export function peerAt(n: number, kind: "internal" | "external", rest: Partial<RibPeer> = {}) {
  const external = kind === "external";
  const address = parseAddress(`172.30.0.${n}`);
  return {
    name: `${kind} ${n}`,
    external,
    localAs: OUR_AS,
    remoteAs: external ? 65_000 + n : OUR_AS,
    address,
    identifier: address.w0,
    localAddress: OUR_ID,
    speakerAs: OUR_AS,
    nextHops: { 4: { nextHop: OUR_ID }, 6: { nextHop: OUR_ID6 } },
    wire: {
      fourOctetAs: true,
      external,
      maxLength: 4096,
      families: [4, 6],
      extendedNextHop: false,
    },
    rules: PLAIN_RULES,
    importPolicy: ACCEPT,
    exportPolicy: ACCEPT,
    exportKey: kind,
    ...rest,
  } satisfies RibPeer;
}

/** What was sent to one peer, as it stands there. */
export class Told {
  readonly routes = new Map<string, Attributes>();
  readonly updates: UpdateMessage[] = [];
  readonly endsOfRib: Family[] = [];

  take(bytes: Uint8Array, peer: RibPeer): void {
    const framer = new Framer(peer.wire.maxLength);
    framer.push(bytes);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      const message = decode(
        frame.buffer.slice(frame.start - HEADER_LENGTH, frame.end),
        otherSide(peer.wire),
      );
      if (message.type !== "update") throw new Error(`a ${message.type} from the RIB`);
      if (message.faults.length > 0) throw new Error(message.faults[0]?.message);
      this.updates.push(message);
      const { withdrawn, announced, attributes, reach, unreach } = message;
      const gone = [...withdrawn, ...(unreach?.prefixes ?? [])];
      const isEnd = gone.length === 0 && announced.length === 0 && reach === undefined;
      if (isEnd) this.endsOfRib.push(unreach?.family ?? 4);
      for (const prefix of gone) {
        if (!this.routes.delete(formatNlri(prefix))) {
          throw new Error(`withdrawn but never announced: ${formatNlri(prefix)}`);
        }
      }
      for (const prefix of announced) this.routes.set(formatNlri(prefix), attributes as Attributes);
      for (const prefix of reach?.prefixes ?? []) {
        const told = { ...(attributes as Attributes), ...hopOf(reach as Reach) };
        this.routes.set(formatNlri(prefix), told);
      }
    }
  }

  /** `PREFIX via NEXT_HOP path 1 2`, sorted; with a path identifier in front where there are such. */
  lines(): string[] {
    return [...this.routes].map(([prefix, attributes]) => `${prefix} ${brief(attributes)}`).sort();
  }
}

/** A session as its other end sees it: what we send it receives, and external means the same. */
export function otherSide({ addPath, ...wire }: WireContext): WireContext {
  if (addPath === undefined) return wire;
  return { ...wire, addPath: { receive: addPath.send, send: addPath.receive } };
}

function hopOf({ nextHop, nextHopLinkLocal }: MultiprotocolNextHop): MultiprotocolNextHop {
  return nextHopLinkLocal === undefined ? { nextHop } : { nextHop, nextHopLinkLocal };
}

export function brief(attributes: Attributes): string {
  const { nextHop, nextHopLinkLocal, asPath, localPref, originatorId, clusterList } = attributes;
  const path = asPath.flatMap(({ asNumbers }) => asNumbers).join(" ");
  const hops = [nextHop, nextHopLinkLocal].flatMap((hop) => (hop ? [formatAddress(hop)] : []));
  const hop = hops.join("+") || "-";
  const pref = localPref === undefined ? "" : ` pref ${localPref}`;
  const reflected = originatorId === undefined ? "" : ` of ${originatorId} by ${clusterList}`;
  return `via ${hop} path [${path}]${pref}${reflected}`;
}

export class Scene {
  readonly rib: Rib;
  readonly told = new Map<PeerId, Told>();
  readonly peers = new Map<PeerId, RibPeer>();
  /** What the FIB was told last, by prefix. */
  readonly best = new Map<string, NonNullable<BestChange["best"]>>();
  readonly unreachable = new Set<string>();
  /** Buffers that were sent. */
  pieces = 0;

  constructor(
    resolve?: ResolveNextHop,
    selection: PathSelection = PLAIN_SELECTION,
    limits: Pick<RibOptions, "stride" | "most"> = {},
  ) {
    this.rib = createRib({
      identifier: OUR_ID.w0,
      resolve:
        resolve ??
        ((nextHop) =>
          this.unreachable.has(formatAddress(nextHop))
            ? { reachable: false, cost: 0, reason: "no route to it" }
            : { reachable: true, cost: 0 }),
      selection,
      ...limits,
      now: () => performance.now(),
      onBest: ({ prefix, best }) => {
        if (best === undefined) this.best.delete(formatPrefix(prefix));
        else this.best.set(formatPrefix(prefix), best);
      },
      onSend: (id, bytes) => {
        const peer = this.peers.get(id);
        if (peer === undefined) throw new Error(`bytes for peer ${id}, which is gone`);
        this.pieces++;
        this.told.get(id)?.take(bytes, peer);
      },
    });
  }

  add(peer: RibPeer): PeerId {
    const id = this.rib.addPeer(peer);
    this.peers.set(id, peer);
    this.told.set(id, new Told());
    return id;
  }

  /** A peer that restarted is back, and has been told nothing. */
  resume(id: PeerId, peer: RibPeer): void {
    this.peers.set(id, peer);
    this.told.set(id, new Told());
    this.rib.resume(id, peer);
  }

  remove(id: PeerId): void {
    this.rib.removePeer(id);
    this.peers.delete(id);
    this.told.delete(id);
  }

  announce(id: PeerId, prefixes: readonly string[], attributes: Attributes): ReceiveSummary {
    return this.receive(id, { announced: prefixes.map(parseNlri), attributes });
  }

  withdraw(id: PeerId, prefixes: readonly string[]): ReceiveSummary {
    return this.receive(id, { withdrawn: prefixes.map(parseNlri) });
  }

  receive(
    id: PeerId,
    update: {
      readonly announced?: readonly Nlri[];
      readonly withdrawn?: readonly Nlri[];
      readonly attributes?: Attributes;
    },
  ): ReceiveSummary {
    const wire = this.peers.get(id)?.wire;
    if (wire === undefined) throw new Error(`no peer ${id}`);
    const { announced = [], withdrawn = [], attributes } = update;
    const of = (prefixes: readonly Nlri[], family: Family): Nlri[] =>
      prefixes.filter((prefix) => prefix.family === family);
    const nextHop = attributes?.nextHop;
    const isInReach = nextHop?.family === 6 && announced[0] !== undefined;
    const family = isInReach ? (announced[0]?.family ?? 6) : 6;
    const gone = of(withdrawn, 6);
    const bytes = encode(
      {
        type: "update",
        announced: isInReach ? [] : of(announced, 4),
        withdrawn: of(withdrawn, 4),
        attributes,
        ...(isInReach && attributes !== undefined
          ? { reach: { ...hopOf({ ...attributes, nextHop }), family, prefixes: announced } }
          : {}),
        ...(gone.length > 0 ? { unreach: { family: 6, prefixes: gone } } : {}),
        faults: [],
      },
      { ...otherSide(wire), maxLength: 65_535 },
    );
    return this.rib.receive(id, bytes, HEADER_LENGTH, bytes.length);
  }

  settle(): void {
    while (this.rib.work(1000));
  }

  tells(id: PeerId): string[] {
    return this.told.get(id)?.lines() ?? [];
  }
}

/** Attributes as a peer would send them. */
export function attributesOf(
  path: readonly number[],
  nextHop: string,
  rest: Partial<Attributes> = {},
): Attributes {
  return {
    origin: 0,
    asPath: path.length === 0 ? [] : [{ type: "sequence", asNumbers: path }],
    nextHop: parseAddress(nextHop),
    ...rest,
  };
}
