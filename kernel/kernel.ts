/**
 * What Manx asks of Linux in one network namespace, as plain data.
 *
 * Two implementations pass `test/suites/kernel`: `netlink.ts` talks to the real kernel, `memory.ts`
 * is the twin for tests and simulations. Changes are `Request` records, so that a plan can be
 * computed, printed and compared before anything is done, and sent in one batch.
 *
 * Everything but `watch` and `applyLater` is synchronous: a netlink request is done when its `write` returns.
 */

import type { Address, Family } from "../lib/address.ts";
import type { Prefix } from "../lib/prefix.ts";

/** A link by interface index, or by name (resolved when the batch reaches it). */
export type LinkReference = number | string;

export type Link = {
  readonly index: number;
  readonly name: string;
  /** Driver: "veth", "bridge" …; absent for loopback and hardware. */
  readonly kind?: string;
  /** `aa:bb:cc:dd:ee:ff`, lower case. */
  readonly mac?: string;
  readonly mtu: number;
  /** What somebody wrote on it for people (IFLA_IFALIAS). */
  readonly alias?: string;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** Carrier present (IFF_LOWER_UP). */
  readonly carrier: boolean;
  /** Index of the bridge it is a port of. */
  readonly master?: number;
  /** What somebody put it into (IFLA_GROUP); absent for 0. */
  readonly group?: number;
  /** A veth's peer, by its index in its own namespace (IFLA_LINK). */
  readonly peer?: number;
  /** Namespace id of that peer, when it is another namespace (IFLA_LINK_NETNSID). */
  readonly peerNamespace?: number;
};

export type LinkInFull = Link & {
  /** Absent for a link without IPv4. */
  readonly ipv4?: Required<Ipv4Settings>;
};

/** An address on a link. */
export type InterfaceAddress = {
  readonly link: number;
  readonly address: Address;
  readonly length: number;
  /** "global", "link" or "host". */
  readonly scope: Scope;
  /** Nobody can use it: whether it is another's too is being asked (RFC 4862 section 5.4), or it is. */
  readonly unusable?: "tentative" | "duplicate";
  /** Who gave it, as `protocol` of routes; absent for the kernel, for who did not say so, and before Linux 5.18. */
  readonly protocol?: number;
};

/** Address and route scopes of rtnetlink(7), by iproute2's names. */
export type Scope = "global" | "site" | "link" | "host" | "nowhere";

/** Route types of rtnetlink(7) that Manx meets; others are reported as "other". */
export type RouteType =
  | "unicast"
  | "local"
  | "broadcast"
  | "multicast"
  | "anycast"
  | "blackhole"
  | "unreachable"
  | "prohibit"
  | "other";

/** One way out: a gateway, a link, or both. */
export type RouteNextHop = {
  readonly gateway?: Address;
  readonly link?: number;
  /** The gateway is on the link although no address of it says so (RTNH_F_ONLINK). */
  readonly onLink?: boolean;
  /** Relative share in a multipath route, 1-256; absent means 1. */
  readonly weight?: number;
  /** The kernel considers it unusable now (RTNH_F_DEAD or RTNH_F_LINKDOWN); read only. */
  readonly dead?: boolean;
};

export type Route = {
  readonly destination: Prefix;
  readonly type: RouteType;
  /** Table 254 is main. */
  readonly table: number;
  /** Who installed it (rtm_protocol): 2 kernel, 3 boot, 4 static, 12 bird … */
  readonly protocol: number;
  readonly scope: Scope;
  /** Priority, lower wins; 0 for IPv4 when unset. */
  readonly metric: number;
  readonly preferredSource?: Address;
  /** Empty for blackholes; more than one is a multipath route. */
  readonly nextHops: readonly RouteNextHop[];
  /** The nexthop object it leads over, whose ways `nextHops` are (net.ipv4.nexthop_compat_mode). */
  readonly nexthop?: number;
};

/** A nexthop object: a way, a group of ways, or a blackhole, which routes name by its id. */
export type Nexthop = {
  /** 1 to 2^32 - 1. */
  readonly id: number;
  /** Who made it (nh_protocol), as `Route.protocol`. */
  readonly protocol: number;
  /** A group's ways; the other fields are a single one's. */
  readonly members?: readonly NexthopMember[];
  readonly gateway?: Address;
  readonly link?: number;
  readonly onLink?: boolean;
  readonly blackhole?: boolean;
};

/** A group's way: another object by its id, and its relative share, 1-256; absent means 1. */
export type NexthopMember = { readonly id: number; readonly weight?: number };

/** A nexthop object as one asks for it. */
export type NexthopSpec = Omit<Nexthop, "protocol" | "link"> & {
  /** Default 0 (unspecified), as iproute2. */
  readonly protocol?: number;
  readonly link?: LinkReference;
  /** Whose routes may lead over it, where no gateway says so; default 4. */
  readonly family?: Family;
};

export type NeighbourState = "permanent" | "reachable" | "stale" | "noarp" | "failed" | "other";

export type Neighbour = {
  readonly link: number;
  readonly address: Address;
  readonly mac?: string;
  readonly state: NeighbourState;
};

/** A route as one asks for it; `nextHops[].link` may be a name, and unset fields take defaults. */
export type RouteSpec = {
  readonly destination: Prefix;
  /** Default "unicast". */
  readonly type?: RouteType;
  /** Default 254. */
  readonly table?: number;
  /** Default 3 (boot), as iproute2. */
  readonly protocol?: number;
  /** Default: "global" with a gateway or for IPv6 and blackholes, "link" without one. */
  readonly scope?: Scope;
  readonly metric?: number;
  readonly preferredSource?: Address;
  readonly nextHops?: readonly {
    readonly gateway?: Address;
    readonly link?: LinkReference;
    readonly onLink?: boolean;
    readonly weight?: number;
  }[];
  /** Over a nexthop object; then `nextHops` is left out. */
  readonly nexthop?: number;
};

/** One end of a veth pair at creation. */
export type VethEnd = {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  /** Each way; default 1. The kernel makes room for as many as there can be CPUs unless it is told. */
  readonly queues?: number;
};

/** Settings of a link that can be given to the kernel without a file, by their names there. */
export type Ipv4Settings = Partial<
  Record<"forwarding" | "proxy_arp" | "route_localnet" | "rp_filter", number>
>;

/** A change. The kernel applies a batch in order; each request succeeds or fails on its own. */
export type Request =
  | {
      readonly type: "create veth";
      readonly end: VethEnd;
      /** `namespace` is an open namespace descriptor: the peer is born there. */
      readonly peer: VethEnd & { readonly namespace?: number };
    }
  | { readonly type: "create bridge"; readonly name: string; readonly mtu?: number }
  | {
      readonly type: "set link";
      readonly link: LinkReference;
      readonly up?: boolean;
      readonly name?: string;
      readonly mac?: string;
      readonly mtu?: number;
      /** For people: what the link is for; at most 255 bytes. */
      readonly alias?: string;
      /** A number that links can be deleted by; 0 without one. */
      readonly group?: number;
      /** A bridge to join; 0 leaves it. */
      readonly master?: LinkReference;
      /** An open namespace descriptor to move the link to. */
      readonly namespace?: number;
    }
  | {
      /** What is below /proc/sys/net/ipv4/conf/LINK, in one message. */
      readonly type: "set ipv4 settings";
      readonly link: LinkReference;
      readonly settings: Ipv4Settings;
    }
  | { readonly type: "delete link"; readonly link: LinkReference }
  /** All links of a group, in one wait of the kernel's. ENODEV when there is none. */
  | { readonly type: "delete group"; readonly group: number }
  | {
      readonly type: "add address" | "delete address";
      readonly link: LinkReference;
      readonly address: Address;
      readonly length: number;
      /** Default "global". */
      readonly scope?: Scope;
      /** Who gives it (IFA_PROTO); kernels before 5.18 forget it. */
      readonly protocol?: number;
      /** IPv6: no source of packets where there is another (RFC 4862 section 5.5.4). */
      readonly deprecated?: true;
    }
  | {
      /**
       * "add" fails when it exists, "replace" takes the place of the same destination and metric.
       * To delete, what the spec leaves open matches anything, and the lowest metric is first.
       */
      readonly type: "add route" | "replace route" | "delete route";
      readonly route: RouteSpec;
    }
  | {
      /**
       * "add" fails when the id is taken; "change" changes the object of that id, and with it every route that leads
       * over it, at one stroke. It fails (ENOENT) where there is none: its routes are gone. A group can become no single
       * object, nor the other way round.
       */
      readonly type: "add nexthop" | "change nexthop";
      readonly nexthop: NexthopSpec;
    }
  /**
   * Routes over it go with it without a word (IPv4's), it leaves its groups, and a group that was its alone goes too.
   * So does all that when its link goes down or loses its carrier, and then the objects go silently as well.
   */
  | { readonly type: "delete nexthop"; readonly id: number }
  | {
      readonly type: "replace neighbour";
      readonly link: LinkReference;
      readonly address: Address;
      readonly mac: string;
      /** Default "permanent". */
      readonly state?: NeighbourState;
    }
  | {
      readonly type: "delete neighbour";
      readonly link: LinkReference;
      readonly address: Address;
    };

/** Changes of routes and of the nexthop objects that they lead over. */
export type RoutingRequest = Extract<
  Request,
  { readonly route: RouteSpec } | { readonly nexthop: NexthopSpec } | { readonly id: number }
>;

/** Changes that may be under way. */
export type Undertaking = {
  /** As of `applyAll`, waited for so many ms at most; undefined before all of them are there. */
  outcomes(patience: number): (KernelError | undefined)[] | undefined;
};

/**
 * Dropping what comes in by links from an IPv6 source to which no route leads over the same link; link-local and
 * unspecified sources are let in. Names of at most 15 ASCII characters.
 */
export type SourceCheck = {
  /** Of nf_tables, family ip6. */
  readonly table: string;
  /** In the table, and there for this alone. */
  readonly chain: string;
  /** The links whose names begin with this. */
  readonly links: string;
  /** But for those of this group. */
  readonly exempt: number;
};

/** Connections from some prefixes that leave with the address of the link that they leave by (RFC 2663 section 4.1.2). */
export type Masquerade = {
  readonly family: Family;
  /** Of nf_tables, there for this alone. A name of at most 31 ASCII characters. */
  readonly table: string;
  /** Whose connections; none: there is no such table. */
  readonly sources: readonly Prefix[];
  /** But for those to these. */
  readonly exempt: readonly Prefix[];
};

/** What happened in the kernel, from the multicast groups. */
export type KernelEvent =
  | { readonly type: "link"; readonly change: "new" | "deleted"; readonly link: Link }
  | {
      readonly type: "address";
      readonly change: "new" | "deleted";
      readonly address: InterfaceAddress;
    }
  | {
      readonly type: "route";
      readonly change: "new" | "deleted";
      readonly route: Route;
      /** The kernel says that it is in the place of the first of its destination and metric (NLM_F_REPLACE). */
      readonly replaces?: true;
    }
  | {
      readonly type: "neighbour";
      readonly change: "new" | "deleted";
      readonly neighbour: Neighbour;
    }
  | { readonly type: "nexthop"; readonly change: "new" | "deleted"; readonly nexthop: Nexthop }
  /** Events were lost (ENOBUFS), with all that waited: dump again. */
  | { readonly type: "overrun" };

export type KernelEventType = "link" | "address" | "route" | "neighbour" | "nexthop";

/** Whose changes are told of: those by requests of the same `Kernel` can be left out. */
export type WatchSource = "all" | "others";

/**
 * A dump of routes that is taken a part at a time. A route that nobody touches meanwhile is told of once among IPv4's; of
 * IPv6's it may be missing or told of twice when others of its table change, for the kernel counts its way to where it was.
 */
export type RouteDump = {
  /** Some hundred more, as they were about when the part before was taken; undefined behind the last. */
  next(): Route[] | undefined;
  /** The kernel has said that routes may be missing, or told of twice. */
  readonly isTorn: boolean;
  /** Take no more. Behind the last part it closes by itself. */
  close(): void;
};

/** A failed request. `message` is for people; `errno` is positive, `code` its name ("EEXIST"). */
export class KernelError extends Error {
  override readonly name = "KernelError";
  readonly code: string;
  readonly errno: number;

  constructor(message: string, code: string, errno: number) {
    super(message);
    this.code = code;
    this.errno = errno;
  }
}

/** One network namespace. Close it when done; a closed kernel throws. */
export type Kernel = {
  links(): Link[];
  /** One link, without a dump; undefined when there is none. */
  link(reference: LinkReference): Link | undefined;
  /** As `link`, with what is below /proc/sys/net/ipv4/conf/LINK. */
  linkInFull(reference: LinkReference): LinkInFull | undefined;
  /** Of every link, or of the one with this index. */
  addresses(family?: Family, link?: number): InterfaceAddress[];
  /** Routes of a family (default both), filtered in the kernel where it can (strict dumps). */
  routes(filter?: {
    readonly family?: Family;
    readonly table?: number;
    readonly protocol?: number;
    /** All but this one's. */
    readonly exceptProtocol?: number;
  }): Route[];
  /** As `routes`, for whoever has other things to do meanwhile. */
  routesInParts(filter: {
    readonly family: Family;
    readonly table?: number;
    readonly protocol?: number;
  }): RouteDump;
  /** The route that a packet to the address takes, without a dump; undefined where it goes nowhere. */
  routeTo(address: Address): Route | undefined;
  /** All nexthop objects. Throws `KernelError` EOPNOTSUPP where there are none (Linux before 5.3). */
  nexthops(): Nexthop[];
  neighbours(family?: Family): Neighbour[];
  /** One neighbour, without a dump. */
  neighbour(link: number, address: Address): Neighbour | undefined;
  /**
   * Have the kernel act now on what it has noticed of the link's carrier: until then the link drops what is sent. Linux
   * before 6.8 does so in its own time.
   */
  settleCarrier(link: LinkReference): void;
  /** Do one thing. Throws `KernelError`. */
  apply(request: Request): void;
  /**
   * Do many, pipelined: as few writes as the socket allows, acks matched by sequence number. The
   * result has one entry per request, undefined where it succeeded. A failure does not stop the rest.
   */
  applyAll(requests: readonly Request[]): (KernelError | undefined)[];
  /**
   * As `applyAll`, while the caller goes on: one request can take Linux a second where many routes are there, for it
   * makes its table of IPv4 twice as large, or removes what leads over an object. One undertaking may be under way.
   */
  applyLater(requests: readonly RoutingRequest[]): Undertaking;
  /**
   * Make sure that the check is there, in the place of whatever its chain has: as one transaction, so many may do it at
   * once. Where the chain has a rule it is one question and no more. Throws `KernelError`.
   */
  ensureSourceCheck(check: SourceCheck): void;
  /** Whether the check is there, and nothing else in its chain. Throws `KernelError`. */
  hasSourceCheck(check: SourceCheck): boolean;
  /** Have it so, whatever was in its table, as one transaction. Throws `KernelError`. */
  setMasquerade(masquerade: Masquerade): void;
  /** Whether it is so, and nothing else is in its table's chains. Throws `KernelError`. */
  hasMasquerade(masquerade: Masquerade): boolean;
  /**
   * Call `listener` for each event of the types until the returned function is called. With "others" the kernel itself
   * drops those of routes and nexthop objects that `apply`, `applyAll` and `applyLater` of this `Kernel` caused: they
   * cost nothing, however many.
   */
  watch(
    types: readonly KernelEventType[],
    listener: (event: KernelEvent) => void,
    source?: WatchSource,
  ): () => void;
  /** Read a value below /proc/sys, by dotted or slashed name, in this namespace. */
  sysctl(name: string): string;
  /** Write one; throws `KernelError` naming it. */
  setSysctl(name: string, value: string): void;
  close(): void;
};
