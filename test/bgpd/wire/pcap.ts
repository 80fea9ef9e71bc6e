/**
 * A capture file of TCP segments to port 179, or of UDP datagrams, made without any network.
 *
 * Classic pcap, raw IPv4, one stream a payload; checksums are right, so that a decoder may check them.
 */

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const IP_HEADER = 20;
const TCP_HEADER = 20;
const UDP_HEADER = 8;
const LINKTYPE_RAW = 101;
const TCP = 6;
const UDP = 17;
const TTL = { [TCP]: 64, [UDP]: 255 } as const;
const BGP_PORT = 179;
const PUSH_ACK = 0x18;
const SOURCE = 0x0a00_0002;
const DESTINATION = 0x0a00_0001;
const FIRST_PORT = 20_000;
const FIRST_DATAGRAM_PORT = 49_152;

/** The file: frame n (from 1) is payload n - 1. */
export function captureOf(payloads: readonly Uint8Array[]): Uint8Array {
  return fileOf(
    payloads.map((payload, index) =>
      recordOf(TCP, TCP_HEADER + payload.length, index, (segment) =>
        writeTcp(segment, payload, index),
      ),
    ),
  );
}

/** The same of UDP datagrams to this port, with a TTL of 255. */
export function captureOfDatagrams(payloads: readonly Uint8Array[], port: number): Uint8Array {
  return fileOf(
    payloads.map((payload, index) =>
      recordOf(UDP, UDP_HEADER + payload.length, index, (segment) => {
        const view = new DataView(segment.buffer, segment.byteOffset);
        view.setUint16(0, FIRST_DATAGRAM_PORT + index);
        view.setUint16(2, port);
        view.setUint16(4, segment.length);
        segment.set(payload, UDP_HEADER);
        view.setUint16(6, checksum(segment, pseudoHeader(UDP, segment.length)));
      }),
    ),
  );
}

function fileOf(records: readonly Uint8Array[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(FILE_HEADER));
  header.setUint32(0, 0xa1b2_c3d4);
  header.setUint16(4, 2);
  header.setUint16(6, 4);
  header.setUint32(16, 0xffff);
  header.setUint32(20, LINKTYPE_RAW);
  return new Uint8Array(Buffer.concat([new Uint8Array(header.buffer), ...records]));
}

/** One packet with `length` octets of the protocol, which `write` fills. */
function recordOf(
  protocol: typeof TCP | typeof UDP,
  length: number,
  index: number,
  write: (segment: Uint8Array) => void,
): Uint8Array {
  const total = IP_HEADER + length;
  const record = new Uint8Array(RECORD_HEADER + total);
  const view = new DataView(record.buffer);
  view.setUint32(0, 1_700_000_000 + index);
  view.setUint32(8, total);
  view.setUint32(12, total);
  const packet = record.subarray(RECORD_HEADER);
  writeIp(packet, protocol, index);
  write(packet.subarray(IP_HEADER));
  return record;
}

function writeIp(packet: Uint8Array, protocol: typeof TCP | typeof UDP, index: number): void {
  const view = new DataView(packet.buffer, packet.byteOffset);
  view.setUint8(0, 0x45);
  view.setUint16(2, packet.length);
  view.setUint16(4, index);
  view.setUint8(8, TTL[protocol]);
  view.setUint8(9, protocol);
  view.setUint32(12, SOURCE);
  view.setUint32(16, DESTINATION);
  view.setUint16(10, checksum(packet.subarray(0, IP_HEADER), 0));
}

function writeTcp(segment: Uint8Array, payload: Uint8Array, index: number): void {
  const view = new DataView(segment.buffer, segment.byteOffset);
  view.setUint16(0, FIRST_PORT + index);
  view.setUint16(2, BGP_PORT);
  view.setUint32(4, 1);
  view.setUint32(8, 1);
  view.setUint8(12, (TCP_HEADER / 4) << 4);
  view.setUint8(13, PUSH_ACK);
  view.setUint16(14, 0xffff);
  segment.set(payload, TCP_HEADER);
  view.setUint16(16, checksum(segment, pseudoHeader(TCP, segment.length)));
}

function pseudoHeader(protocol: number, length: number): number {
  const pseudo = new Uint8Array(12);
  const words = new DataView(pseudo.buffer);
  words.setUint32(0, SOURCE);
  words.setUint32(4, DESTINATION);
  words.setUint16(8, protocol);
  words.setUint16(10, length);
  return sum(pseudo, 0);
}

/** RFC 1071, over bytes and what was summed before. */
function checksum(bytes: Uint8Array, before: number): number {
  let total = sum(bytes, before);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

function sum(bytes: Uint8Array, before: number): number {
  let total = before;
  for (let i = 0; i < bytes.length; i += 2) {
    total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  }
  return total;
}
