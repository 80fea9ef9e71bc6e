/**
 * One container image, made here out of Debian's static busybox: an OCI archive that containerd and podman
 * import. Nothing is pulled from anywhere.
 */

import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";

/** The image's name, complete, so that no runtime looks for it in a registry. */
export const IMAGE = "localhost/busybox:1";

/** What the image's web server answers. */
export const PAGE = "hello\n";

/**
 * A command that serves the page, and once it does, says the container's address on a line of its own:
 * httpd returns as soon as it listens.
 */
export const SERVE = [
  "sh",
  "-c",
  "httpd -h /www && ip -4 -o address show eth0 | sed 's,.*inet \\([0-9.]*\\).*,\\1,' && exec sleep infinity",
];

const APPLETS = ["httpd", "ip", "ping", "sed", "sh", "sleep", "wget"];

const MEDIA = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

/** Write the archive; its command serves the page and stays, so it is a sandbox's image as well. */
export function writeImage(archive: string, busybox: string): void {
  const folder = mkdtempSync(`${archive}-`);
  try {
    const blobs = join(folder, "blobs/sha256");
    mkdirSync(blobs, { recursive: true });
    const add = (mediaType: string, content: string | Uint8Array) => {
      const digest = createHash("sha256").update(content).digest("hex");
      writeFileSync(join(blobs, digest), content);
      return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(content) };
    };
    const layer = add(MEDIA.layer, rootLayer(join(folder, "root"), busybox));
    const config = add(
      MEDIA.config,
      JSON.stringify({
        architecture: { x64: "amd64", arm64: "arm64" }[process.arch as "x64" | "arm64"],
        os: "linux",
        config: { Env: ["PATH=/bin"], Entrypoint: SERVE },
        rootfs: { type: "layers", diff_ids: [layer.digest] },
      }),
    );
    const manifest = add(
      MEDIA.manifest,
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: [layer] }),
    );
    // containerd reads the first name, podman the second.
    const annotations = {
      "io.containerd.image.name": IMAGE,
      "org.opencontainers.image.ref.name": IMAGE,
    };
    const index = { schemaVersion: 2, mediaType: MEDIA.index };
    writeFileSync(
      join(folder, "index.json"),
      JSON.stringify({ ...index, manifests: [{ ...manifest, annotations }] }),
    );
    writeFileSync(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    command("tar", "-C", folder, "-cf", archive, "oci-layout", "index.json", "blobs");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A tar of a root file system: busybox, its applets, and a page for its web server. */
function rootLayer(root: string, busybox: string): Uint8Array {
  mkdirSync(join(root, "bin"), { recursive: true });
  mkdirSync(join(root, "www"));
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const applet of APPLETS) symlinkSync("busybox", join(root, "bin", applet));
  writeFileSync(join(root, "www/index.html"), PAGE);
  const tar = `${root}.tar`;
  command("tar", "-C", root, "--owner=0", "--group=0", "-cf", tar, "bin", "www");
  return readFileSync(tar);
}
