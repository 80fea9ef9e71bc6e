/**
 * Fields of Calico's that this version does not honour: each is told by name, with the reason.
 */

export type NotHonoured = {
  /** Values that ask for nothing: with one of them the field may stand. */
  readonly idle: readonly unknown[];
  /** Why, or what to do instead. */
  readonly why: string;
  /** No route depends on it: whatever it says may stand, and there is a note. Absent: a fault. */
  readonly noted?: true;
};

/** By their paths, `spec.bindMode`; `*` is an index. */
export type NotHonouredFields = Readonly<Record<string, NotHonoured>>;

/** In words, for a note or a fault. */
export function describeNotHonoured({ idle, why, noted }: NotHonoured): string {
  if (noted) return `means nothing to this version of Manx: ${why}`;
  const hint = idle.length === 0 ? "remove it" : `remove it, or say ${JSON.stringify(idle[0])}`;
  return `not honoured by this version of Manx (${why}): ${hint}`;
}
