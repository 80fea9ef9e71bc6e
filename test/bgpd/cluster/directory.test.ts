import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { watchDirectory } from "../../../bgpd/cluster/directory.ts";

/** A word that has not come until then does not come, in ms. */
const DEADLINE = 4000;

let home = "";
const closers: (() => void)[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "manx-watch-"));
});

afterEach(() => {
  for (const close of closers.splice(0)) close();
  rmSync(home, { recursive: true });
});

/** Watch a path below the test's folder. */
function watching(path: string) {
  let words = 0;
  let told: (() => void) | undefined;
  const watch = watchDirectory(join(home, path), () => {
    words++;
    told?.();
  });
  closers.push(() => watch.close());
  return {
    count: () => words,
    close: () => watch.close(),
    /** Until there has been word so many times in all. */
    async word(count: number): Promise<void> {
      const deadline = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => deadline.reject(new Error(`${words} words of ${count} in ${DEADLINE} ms`)),
        DEADLINE,
      );
      try {
        while (words < count) {
          const { promise, resolve } = Promise.withResolvers<void>();
          told = resolve;
          await Promise.race([promise, deadline.promise]);
        }
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

function write(path: string, text: string): void {
  const full = join(home, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
}

function rename(from: string, to: string): void {
  renameSync(join(home, from), join(home, to));
}

function link(target: string, path: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  symlinkSync(target, join(home, path));
}

type Case = readonly [name: string, watched: string, before: () => void, change: () => void];

const cases: readonly Case[] = [
  [
    "a file of a folder is written",
    "conf",
    () => write("conf/a.yaml", "1"),
    () => write("conf/a.yaml", "2"),
  ],
  [
    "a file is added to a folder",
    "conf",
    () => write("conf/a.yaml", "1"),
    () => write("conf/b.yaml", "2"),
  ],
  [
    "a file is removed from a folder",
    "conf",
    () => {
      write("conf/a.yaml", "1");
      write("conf/b.yaml", "1");
    },
    () => rmSync(join(home, "conf/b.yaml")),
  ],
  [
    "a file is replaced by rename, as editors do",
    "conf",
    () => write("conf/a.yaml", "1"),
    () => {
      write("conf/.a.yaml.new", "2");
      rename("conf/.a.yaml.new", "conf/a.yaml");
    },
  ],
  [
    "a single file is written",
    "cluster.yaml",
    () => write("cluster.yaml", "1"),
    () => write("cluster.yaml", "2"),
  ],
  [
    "a single file is replaced by rename",
    "cluster.yaml",
    () => write("cluster.yaml", "1"),
    () => {
      write("new", "2");
      rename("new", "cluster.yaml");
    },
  ],
  [
    "the file behind a link is written",
    "cluster.yaml",
    () => {
      write("elsewhere/real.yaml", "1");
      link("elsewhere/real.yaml", "cluster.yaml");
    },
    () => write("elsewhere/real.yaml", "2"),
  ],
  [
    "a file behind a link in a folder is written",
    "conf",
    () => {
      write("elsewhere/real.yaml", "1");
      link("../elsewhere/real.yaml", "conf/a.yaml");
    },
    () => write("elsewhere/real.yaml", "2"),
  ],
  [
    "a mount of Kubernetes swaps its data",
    "conf",
    mount,
    () => {
      write("conf/..2/a.yaml", "2");
      link("..2", "conf/..data_tmp");
      rename("conf/..data_tmp", "conf/..data");
    },
  ],
  [
    "a mount of Kubernetes swaps the data of a single file",
    "conf/a.yaml",
    mount,
    () => {
      write("conf/..2/a.yaml", "2");
      link("..2", "conf/..data_tmp");
      rename("conf/..data_tmp", "conf/..data");
    },
  ],
  [
    "the folder is a link that is swapped",
    "current",
    () => {
      write("v1/a.yaml", "1");
      write("v2/a.yaml", "2");
      link("v1", "current");
    },
    () => {
      link("v2", "next");
      rename("next", "current");
    },
  ],
  [
    "the folder appears, with those above it",
    "etc/manx/cluster",
    () => undefined,
    () => write("etc/manx/cluster/a.yaml", "1"),
  ],
  [
    "the folder is removed",
    "conf",
    () => write("conf/a.yaml", "1"),
    () => rmSync(join(home, "conf"), { recursive: true }),
  ],
  [
    "the folder above is replaced by another",
    "etc/cluster",
    () => {
      write("etc/cluster/a.yaml", "1");
      write("etc.new/cluster/a.yaml", "2");
    },
    () => {
      rename("etc", "etc.old");
      rename("etc.new", "etc");
    },
  ],
];

/** As the kubelet lays out a ConfigMap. */
function mount(): void {
  write("conf/..1/a.yaml", "1");
  link("..1", "conf/..data");
  link("..data/a.yaml", "conf/a.yaml");
}

test("a reading that takes long is followed by a rest", async () => {
  write("a.yaml", "one");
  const times: number[] = [];
  const SLOW = 60;
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = watchDirectory(home, () => {
    times.push(performance.now());
    Bun.sleepSync(SLOW);
    if (times.length === 2) resolve();
    else write("a.yaml", "three");
  });
  closers.push(() => watch.close());
  write("a.yaml", "two");
  await promise;
  const [first = 0, second = 0] = times;
  expect(second - first).toBeGreaterThan(5 * SLOW);
});

describe("watchDirectory tells when", () => {
  for (const [name, watched, before, change] of cases) {
    test(name, async () => {
      before();
      const watch = watching(watched);
      change();
      await watch.word(1);
      expect(watch.count()).toBe(1);
    });
  }

  test("a folder that was removed comes back, and is written again", async () => {
    write("conf/a.yaml", "1");
    const watch = watching("conf");
    rmSync(join(home, "conf"), { recursive: true });
    await watch.word(1);
    write("conf/a.yaml", "2");
    await watch.word(2);
    write("conf/a.yaml", "3");
    await watch.word(3);
  });

  test("each of several changes in a row has come", async () => {
    const watch = watching("conf");
    for (let round = 1; round <= 3; round++) {
      write("conf/.new", String(round));
      rename("conf/.new", "conf/a.yaml");
      await watch.word(round);
    }
  });
});

// Both watches hear of the same change and wait equally long, the silent one first.
describe("watchDirectory says nothing", () => {
  test("of a file that is written with what was in it", async () => {
    write("conf/a.yaml", "1");
    const silent = watching("conf/a.yaml");
    const witness = watching("conf");
    write("conf/a.yaml", "1");
    write("conf/b.yaml", "1");
    await witness.word(1);
    expect(silent.count()).toBe(0);
  });

  test("of a folder's other files", async () => {
    write("conf/a.yaml", "1");
    const silent = watching("conf");
    const witness = watching("conf/README");
    write("conf/README", "1");
    await witness.word(1);
    expect(silent.count()).toBe(0);
  });

  test("after it was closed", async () => {
    write("conf/a.yaml", "1");
    const silent = watching("conf");
    const witness = watching("conf");
    silent.close();
    write("conf/a.yaml", "2");
    await witness.word(1);
    expect(silent.count()).toBe(0);
  });

  test("when it is closed between a change and the look at it", async () => {
    write("conf/a.yaml", "1");
    const silent = watching("conf");
    const witness = watching("conf");
    write("conf/a.yaml", "2");
    await Promise.resolve();
    silent.close();
    await witness.word(1);
    expect(silent.count()).toBe(0);
  });
});
