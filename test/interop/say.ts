/**
 * Run by a test in a namespace, as `say.ts ADDRESS HEX`: say this to the BGP port there, and print in hexadecimal all
 * that is answered, until a KEEPALIVE or a NOTIFICATION has come or the other side has closed.
 */

const [address = "", hex = ""] = process.argv.slice(2);
const BGP_PORT = 179;
const HEADER = 19;
const ENDS = new Set([3, 4]);

/** Whether the octets hold a whole message that ends the talk. */
function isOver(bytes: Buffer): boolean {
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 16);
    if (at + length > bytes.length) return false;
    if (ENDS.has(bytes.readUInt8(at + 18))) return true;
    at += length;
  }
  return false;
}

let heard = Buffer.alloc(0);
const end = (): never => {
  process.stdout.write(`${heard.toString("hex")}\n`);
  process.exit(0);
};

await Bun.connect({
  hostname: address,
  port: BGP_PORT,
  socket: {
    open: (socket) => {
      socket.write(Buffer.from(hex, "hex"));
    },
    data: (_, bytes) => {
      heard = Buffer.concat([heard, bytes]);
      if (isOver(heard)) end();
    },
    close: end,
  },
});
