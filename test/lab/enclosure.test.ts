/** The words for machines that refuse namespaces. */

import { describe, expect, test } from "bun:test";
import { explainRefusal, type Settings } from "../../lab/enclosure.ts";

const open: Settings = {
  unprivilegedUserNamespaces: "1",
  appArmorRestriction: undefined,
  maxUserNamespaces: "96041",
  maxNetworkNamespaces: "96041",
};

const cases: { name: string; settings: Settings; names: string }[] = [
  {
    name: "Debian's switch",
    settings: { ...open, unprivilegedUserNamespaces: "0" },
    names: "kernel.unprivileged_userns_clone",
  },
  {
    name: "the limit of user namespaces",
    settings: { ...open, maxUserNamespaces: "0" },
    names: "user.max_user_namespaces",
  },
  {
    name: "the limit of network namespaces",
    settings: { ...open, maxNetworkNamespaces: "0" },
    names: "user.max_net_namespaces",
  },
  {
    name: "AppArmor",
    settings: { ...open, appArmorRestriction: "1" },
    names: "kernel.apparmor_restrict_unprivileged_userns",
  },
  { name: "a container's seccomp filter", settings: open, names: "seccomp" },
];

describe("a machine that refuses namespaces", () => {
  for (const { name, settings, names } of cases) {
    test(`${name} is named, with the words of unshare`, () => {
      const text = explainRefusal("unshare: unshare failed: Operation not permitted\n", settings);
      expect(text).toContain(names);
      expect(text).toContain("(unshare says: unshare: unshare failed: Operation not permitted)");
    });
  }
});
