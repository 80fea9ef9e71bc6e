/**
 * A peer that does not behave, as a process of its own: `assailant.ts KIND US AS THEM`.
 *
 * It opens a session like anybody else, prints `established`, and then does what KIND says until it is killed.
 * `witness` is the one that behaves: it prints the ms between any two KEEPALIVEs that it gets. `tide` announces what it
 * has, and at each SIGUSR1 withdraws it or announces it again.
 */

import type { Socket } from "bun";
import { writeHeader } from "../../../bgpd/wire/header.ts";
import { parseAddress } from "../../../lib/address.ts";
import { fromHex } from "../../../lib/hex.ts";

const [kind = "", us = "", asNumber = "", them = ""] = process.argv.slice(2);
const MARKER = "ff".repeat(16);
const KEEPALIVE = fromHex(`${MARKER} 0013 04`);
const REFRESH = fromHex(`${MARKER} 0017 05 0001 00 01`.repeat(500));
const hex = (value: number, octets: number): string => value.toString(16).padStart(2 * octets, "0");

function open(holdTime: number): Uint8Array {
  const as = Number(asNumber);
  const capabilities = `0104 0001 0001 0200 4104 ${hex(as, 4)}`;
  const parameters = `02 0e ${capabilities}`;
  return fromHex(
    `${MARKER} 002d 01 04 ${hex(as, 2)} ${hex(holdTime, 2)} ${hex(parseAddress(us).w0, 4)} 10 ${parameters}`,
  );
}

/** An UPDATE with its own MULTI_EXIT_DISC and a hundred /24s out of 20.0.0.0/8, of which `round` chooses. */
function update(round: number): Uint8Array {
  const attributes = fromHex(
    `400101 00 400206 0201 ${hex(Number(asNumber), 4)} 400304 ${hex(parseAddress(us).w0, 4)} 800404 ${hex(round, 4)}`,
  );
  const bytes = new Uint8Array(23 + attributes.length + 400);
  writeHeader(bytes, 0, bytes.length, 2);
  bytes.set([0, 0, 0, attributes.length], 19);
  bytes.set(attributes, 23);
  for (let index = 0; index < 100; index++) {
    const number = ((round % 500) * 100 + index) & 0xffff;
    bytes.set([24, 20, number >>> 8, number & 0xff], 23 + attributes.length + 4 * index);
  }
  return bytes;
}

/** The 2^18 /24s of 20.0.0.0/6, a thousand in an UPDATE at most. */
const TIDE = 1 << 18;
const MOST = 1000;

/** One UPDATE after the other announces all of them, or withdraws them. */
function* tide(isComing: boolean): Generator<Uint8Array, undefined> {
  const attributes = fromHex(
    isComing
      ? `400101 00 400206 0201 ${hex(Number(asNumber), 4)} 400304 ${hex(parseAddress(us).w0, 4)}`
      : "",
  );
  for (let first = 0; first < TIDE; first += MOST) {
    const count = Math.min(MOST, TIDE - first);
    const bytes = new Uint8Array(23 + attributes.length + 4 * count);
    writeHeader(bytes, 0, bytes.length, 2);
    const withdrawn = isComing ? 0 : 4 * count;
    bytes.set([withdrawn >>> 8, withdrawn & 0xff], 19);
    if (isComing) bytes.set([0, attributes.length, ...attributes], 21);
    for (let index = 0; index < count; index++) {
      const number = first + index;
      const at = 21 + (isComing ? 2 + attributes.length : 0) + 4 * index;
      bytes.set([24, 20 + (number >>> 16), (number >>> 8) & 0xff, number & 0xff], at);
    }
    yield bytes;
  }
  return undefined;
}

/** Write as fast as the other side takes it, until nothing comes. */
class Stream {
  readonly #socket: Socket;
  readonly #next: () => Uint8Array | undefined;
  #rest: Uint8Array = new Uint8Array();

  constructor(socket: Socket, next: () => Uint8Array | undefined) {
    this.#socket = socket;
    this.#next = next;
  }

  /** Nothing is half written. */
  get isBetween(): boolean {
    return this.#rest.length === 0;
  }

  pump(): void {
    for (let count = 0; count < 200; count++) {
      const next = this.#rest.length > 0 ? this.#rest : this.#next();
      if (next === undefined) return;
      this.#rest = next;
      this.#rest = this.#rest.subarray(Math.max(0, this.#socket.write(this.#rest)));
      if (this.#rest.length > 0) return;
    }
    setImmediate(() => this.pump());
  }
}

let round = 0;
let isComing = true;
let waters = tide(isComing);
const STREAMS: Readonly<Record<string, () => Uint8Array | undefined>> = {
  flood: () => update(round++),
  deaf: () => REFRESH,
  tide: () => waters.next().value,
};

let stream: Stream | undefined;
let heard = 0;

/** Nothing but KEEPALIVEs is sent to the witness. */
function witness(): void {
  const now = performance.now();
  if (heard > 0) console.log(`gap ${Math.round(now - heard)}`);
  heard = now;
}

function misbehave(socket: Socket): Stream | undefined {
  if (kind === "tide") {
    process.on("SIGUSR1", () => {
      isComing = !isComing;
      waters = tide(isComing);
      stream?.pump();
    });
    setInterval(() => {
      if (stream?.isBetween === true) socket.write(KEEPALIVE);
    }, 500);
  }
  if (kind === "witness") setInterval(() => socket.write(KEEPALIVE), 500);
  if (kind === "octets") {
    const text = Buffer.concat(Array.from({ length: 50 }, (_, at) => update(at)));
    let at = 0;
    setInterval(() => {
      for (let count = 0; count < 50; count++) {
        at = (at + Math.max(0, socket.write(text.subarray(at, at + 1)))) % text.length;
      }
    }, 1);
  }
  const next = STREAMS[kind];
  if (kind === "deaf") socket.pause();
  if (next === undefined) return undefined;
  const flowing = new Stream(socket, next);
  flowing.pump();
  return flowing;
}

function crowd(): void {
  const hold: unknown[] = [];
  const more = (): void => {
    for (let count = 0; count < 100; count++) {
      const socket = Bun.connect({
        hostname: them,
        port: 179,
        socket: { data() {}, error() {}, connectError() {} },
      }).catch(() => undefined);
      hold.push(socket);
    }
    hold.splice(0, Math.max(0, hold.length - 1000));
    setTimeout(more, 50);
  };
  more();
}

if (kind === "crowd") {
  console.log("established");
  crowd();
} else {
  let isUp = false;
  await Bun.connect({
    hostname: them,
    port: 179,
    socket: {
      open(socket) {
        socket.setNoDelay(true);
        socket.write(open(kind === "witness" ? 3 : 240));
        socket.write(KEEPALIVE);
      },
      data(socket) {
        if (isUp && kind === "witness") witness();
        if (isUp) return;
        isUp = true;
        console.log("established");
        stream = misbehave(socket);
      },
      drain() {
        stream?.pump();
      },
      close() {
        console.log("closed");
      },
    },
  });
}
