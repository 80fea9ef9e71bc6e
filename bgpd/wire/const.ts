/** Numbers of BGP, named as IANA's registries and the RFCs name them. */

/** Message types, RFC 4271 section 4.1, RFC 2918. */
export const OPEN = 1;
export const UPDATE = 2;
export const NOTIFICATION = 3;
export const KEEPALIVE = 4;
export const ROUTE_REFRESH = 5;

export const HEADER_LENGTH = 19;
export const MARKER_LENGTH = 16;
/** Longest message, RFC 4271 section 4.1, and with RFC 8654 section 3 (never an OPEN or a KEEPALIVE). */
export const MAX_LENGTH = 4096;
export const MAX_EXTENDED_LENGTH = 65_535;
export const VERSION = 4;
/** Two-octet stand-in for an AS number that needs four (RFC 6793). */
export const AS_TRANS = 23456;

/** Error codes, RFC 4271 section 4.5. */
export const MESSAGE_HEADER_ERROR = 1;
export const OPEN_MESSAGE_ERROR = 2;
export const UPDATE_MESSAGE_ERROR = 3;
export const HOLD_TIMER_EXPIRED = 4;
export const FSM_ERROR = 5;
export const CEASE = 6;
/** RFC 7313. */
export const ROUTE_REFRESH_ERROR = 7;
/** RFC 9687. */
export const SEND_HOLD_TIMER_EXPIRED = 8;

/** Message Header Error subcodes, section 6.1. */
export const CONNECTION_NOT_SYNCHRONIZED = 1;
export const BAD_MESSAGE_LENGTH = 2;
export const BAD_MESSAGE_TYPE = 3;

/** OPEN Message Error subcodes, section 6.2, RFC 5492. */
export const UNSUPPORTED_VERSION = 1;
export const BAD_PEER_AS = 2;
export const BAD_BGP_IDENTIFIER = 3;
export const UNSUPPORTED_OPTIONAL_PARAMETER = 4;
export const UNACCEPTABLE_HOLD_TIME = 6;
export const UNSUPPORTED_CAPABILITY = 7;

/** UPDATE Message Error subcodes, section 6.3. */
export const MALFORMED_ATTRIBUTE_LIST = 1;
export const UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE = 2;
export const MISSING_WELL_KNOWN_ATTRIBUTE = 3;
export const ATTRIBUTE_FLAGS_ERROR = 4;
export const ATTRIBUTE_LENGTH_ERROR = 5;
export const INVALID_ORIGIN_ATTRIBUTE = 6;
export const INVALID_NEXT_HOP_ATTRIBUTE = 8;
export const OPTIONAL_ATTRIBUTE_ERROR = 9;
export const INVALID_NETWORK_FIELD = 10;
export const MALFORMED_AS_PATH = 11;

/** FSM Error subcodes, RFC 6608. */
export const UNEXPECTED_MESSAGE_IN_OPEN_SENT = 1;
export const UNEXPECTED_MESSAGE_IN_OPEN_CONFIRM = 2;
export const UNEXPECTED_MESSAGE_IN_ESTABLISHED = 3;

/** Cease subcodes, RFC 4486. */
export const MAXIMUM_NUMBER_OF_PREFIXES_REACHED = 1;
export const ADMINISTRATIVE_SHUTDOWN = 2;
export const PEER_DECONFIGURED = 3;
export const ADMINISTRATIVE_RESET = 4;
export const CONNECTION_REJECTED = 5;
export const OTHER_CONFIGURATION_CHANGE = 6;
export const CONNECTION_COLLISION_RESOLUTION = 7;
export const OUT_OF_RESOURCES = 8;
/** RFC 8538. */
export const HARD_RESET = 9;
/** RFC 9384. */
export const BFD_DOWN = 10;

/** ROUTE-REFRESH Message Error subcodes, RFC 7313 section 5. */
export const INVALID_MESSAGE_LENGTH = 1;

/** ROUTE-REFRESH subtypes, RFC 7313 section 3.2: a request, begin and end of the answer. */
export const REFRESH_REQUEST = 0;
export const REFRESH_BEGIN = 1;
export const REFRESH_END = 2;

/** Address families (RFC 4760). */
export const AFI_IPV4 = 1;
export const AFI_IPV6 = 2;
export const SAFI_UNICAST = 1;

/** Path attribute type codes. */
export const ORIGIN = 1;
export const AS_PATH = 2;
export const NEXT_HOP = 3;
export const MULTI_EXIT_DISC = 4;
export const LOCAL_PREF = 5;
export const ATOMIC_AGGREGATE = 6;
export const AGGREGATOR = 7;
export const COMMUNITIES = 8;
export const ORIGINATOR_ID = 9;
export const CLUSTER_LIST = 10;
export const MP_REACH_NLRI = 14;
export const MP_UNREACH_NLRI = 15;
export const EXTENDED_COMMUNITIES = 16;
export const AS4_PATH = 17;
export const AS4_AGGREGATOR = 18;
export const IPV6_EXTENDED_COMMUNITIES = 25;
export const AIGP = 26;
export const LARGE_COMMUNITIES = 32;
export const ONLY_TO_CUSTOMER = 35;

/** Attribute flags, RFC 4271 section 4.3. */
export const FLAG_OPTIONAL = 0x80;
export const FLAG_TRANSITIVE = 0x40;
export const FLAG_PARTIAL = 0x20;
export const FLAG_EXTENDED_LENGTH = 0x10;

/** Well-known communities: RFC 8326, RFC 9494, RFC 7999, RFC 1997, RFC 3765. */
export const GRACEFUL_SHUTDOWN = 0xffff_0000;
export const LLGR_STALE = 0xffff_0006;
export const NO_LLGR = 0xffff_0007;
export const BLACKHOLE = 0xffff_029a;
export const NO_EXPORT = 0xffff_ff01;
export const NO_ADVERTISE = 0xffff_ff02;
export const NO_EXPORT_SUBCONFED = 0xffff_ff03;
export const NO_PEER = 0xffff_ff04;
