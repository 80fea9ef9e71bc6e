/** Progress on a terminal and in a file. */

import { expect, test } from "bun:test";
import { createProgress } from "../../lab/progress.ts";

function run(terminal: "terminal" | "file"): string {
  let written = "";
  const progress = createProgress({
    terminal,
    width: () => 20,
    write(text) {
      written += text;
    },
  });
  progress.step("sessions");
  progress.detail("1 of 2");
  progress.detail("waiting for somebody");
  progress.note("no BIRD here");
  progress.step("pods");
  progress.clear();
  return written;
}

test("on a terminal one line changes in place, cut to its width, and notes stay", () => {
  expect(run("terminal").replaceAll("\r\u001b[K", "|")).toBe(
    "|» sessions …|» sessions: 1 of 2|» sessions: waiting|» no BIRD here\n|» pods …|",
  );
});

test("elsewhere each step is a plain line, without details", () => {
  expect(run("file")).toBe("» sessions\n» no BIRD here\n» pods\n");
});
