/** What one invalidation covers: an entry, all entries with a tag or a prefix, or the whole cache (its name is ''). */
export interface Register {
  readonly kind: 'key' | 'tag' | 'prefix' | 'cache';
  readonly name: string;
}

/** Registers as Redis names them. */
export const registerOf = {
  key: (key: string): string => `k${key}`,
  tag: (tag: string): string => `t${tag}`,
  prefix: (prefix: string): string => `p${prefix}`,
  cache: '*',
} as const;

const KINDS: Readonly<Record<string, Register['kind']>> = { k: 'key', t: 'tag', p: 'prefix' };

export const registerFrom = (text: string): Register => ({
  kind: KINDS[text.charAt(0)] ?? 'cache',
  name: text.slice(1),
});
