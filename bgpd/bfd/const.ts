/** Numbers of BFD, named as the RFCs and IANA's registries name them. */

export const VERSION = 1;

/** UDP ports of control packets: RFC 5881 section 4, RFC 5883 section 5. */
export const SINGLE_HOP_PORT = 3784;
export const MULTIHOP_PORT = 4784;
/** Source ports of a session's packets, RFC 5881 section 4. */
export const FIRST_SOURCE_PORT = 49_152;
export const LAST_SOURCE_PORT = 65_535;
/** What packets leave with, and what a single hop leaves of it: RFC 5881 section 5. */
export const FULL_HOPS = 255;

/** Lengths in octets, RFC 5880 sections 4.1 and 4.2. */
export const HEADER_LENGTH = 24;
export const AUTHENTICATION_HEADER_LENGTH = 2;

/** In µs, RFC 5880 section 6.8.3: never faster than this unless the session is Up. */
export const SLOW_INTERVAL = 1_000_000;

/** In the order of their numbers, RFC 5880 section 4.1. */
export const STATES = ["AdminDown", "Down", "Init", "Up"] as const;

export type State = (typeof STATES)[number];

/** Diagnostics, RFC 5880 section 4.1: those that we say. */
export const NO_DIAGNOSTIC = 0;
export const DETECTION_TIME_EXPIRED = 1;
export const NEIGHBOR_SIGNALED_DOWN = 3;
export const ADMINISTRATIVELY_DOWN = 7;

const DIAGNOSTICS = [
  "no diagnostic",
  "detection time expired",
  "echo function failed",
  "neighbor signaled session down",
  "forwarding plane reset",
  "path down",
  "concatenated path down",
  "administratively down",
  "reverse concatenated path down",
] as const;

/** A diagnostic in words; a number where IANA has no name. */
export function describeDiagnostic(diagnostic: number): string {
  return DIAGNOSTICS[diagnostic] ?? `diagnostic ${diagnostic}`;
}
