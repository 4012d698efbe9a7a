import type { CacheConfig } from '@syncline/contracts';
import type { Conditions, Life, Put, Written } from '../entries/entry.js';
import { checked } from './outcomes.js';
import { registerOf } from './registers.js';

/** A write, as operation.lua takes it. */
export interface Operation<Result> {
  /** What it changes as one. */
  readonly register: string;
  /** The entry that it changes; null: it concerns more than one. */
  readonly key: string | null;
  /** It may make memory grow: a full Redis refuses it. */
  readonly grows: boolean;
  /** Most bytes by which the cache may grow, as its statistics count them. */
  readonly growth: number;
  readonly args: readonly (string | number | Buffer)[];
  /** @throws Problem when it was refused */
  readonly decode: (outcome: readonly string[]) => Result;
}

/** A write of one entry. */
export interface EntryOperation<Result> extends Operation<Result> {
  readonly key: string;
}

/** Of an integer, with its sign. */
const MOST_DIGITS = 17;

const onEntry = <Result>(
  operation: Omit<EntryOperation<Result>, 'register' | 'grows'>,
): EntryOperation<Result> => ({
  register: registerOf.key(operation.key),
  grows: operation.growth > 0,
  ...operation,
});

const onMany = (register: string, ...args: readonly (string | number)[]): Operation<void> => ({
  ...{ register, args },
  key: null,
  grows: false,
  growth: 0,
  decode: (outcome) => void checked(outcome),
});

/** Stores an entry. Refused: `VersionMismatch`, `FillLeaseVoid`, `EntryTooLarge`. */
export const put = (key: string, entry: Put, conditions: Conditions): EntryOperation<Written> => {
  const { bytes, contentType, ttlMs = '', staleMs = 0, tags = [] } = entry;
  const { ifMatch, ifNoneMatch, fillLease } = conditions;
  return onEntry({
    key,
    growth: Buffer.byteLength(key) + bytes.length,
    args: ['put', key, bytes, contentType, ttlMs, staleMs, tags.join(','), ifMatch, ifNoneMatch, fillLease],
    decode: (outcome) => ({ created: outcome[0] === 'created', ...lifeIn(checked(outcome)) }),
  });
};

/** Gives an entry another TTL. Refused: `EntryNotFound`. */
export const touch = (key: string, ttlMs: number): EntryOperation<Life> =>
  onEntry({ key, growth: 0, args: ['touch', key, ttlMs], decode: (outcome) => lifeIn(checked(outcome)) });

const lifeIn = ([, version = '', expiresAt = '']: readonly string[]): Life => ({
  version,
  expiresAt: expiresAt === '0' ? null : Number(expiresAt),
});

/** Removes an entry; true: there was one. Refused: `VersionMismatch`. */
export const remove = (
  key: string,
  { ifMatch, ifNoneMatch }: Pick<Conditions, 'ifMatch' | 'ifNoneMatch'>,
): EntryOperation<boolean> =>
  onEntry({
    key,
    growth: 0,
    args: ['delete', key, ifMatch, ifNoneMatch],
    decode: (outcome) => checked(outcome)[0] === 'deleted',
  });

/** Adds to a counter. Refused: `NotAnInteger`. */
export const increment = (
  key: string,
  by: number,
  ttlMs: number | undefined,
): EntryOperation<{ value: number; version: string }> =>
  onEntry({
    key,
    growth: Buffer.byteLength(key) + MOST_DIGITS,
    args: ['increment', key, by, ttlMs ?? ''],
    decode: (outcome) => {
      const [, version = '', value = ''] = checked(outcome);
      return { value: Number(value), version };
    },
  });

/** Invalidates entries. False: the cache remembers no more invalidations until it is swept. */
const invalidation = (kind: 'tag' | 'prefix', name: string): Operation<boolean> => ({
  ...onMany(registerOf[kind](name), kind, name),
  decode: (outcome) => outcome[0] !== 'full',
});
export const invalidateTag = (tag: string) => invalidation('tag', tag);
export const invalidatePrefix = (prefix: string) => invalidation('prefix', prefix);

/** Invalidates all entries. */
export const flush = (): Operation<void> => onMany(registerOf.cache, 'flush');

/** Removes the cache with its configuration. */
export const drop = (): Operation<void> => onMany(registerOf.cache, 'drop');

export const configure = (config: CacheConfig): Operation<void> => {
  const { defaultTtlMs, maxEntryBytes, nearCacheBytes, coherence, maxBytes, maxEntries } = config;
  return configureLike(
    [defaultTtlMs, maxEntryBytes, nearCacheBytes, coherence, maxBytes, maxEntries].join(','),
  );
};

/** Configures a part of a cache like another. @param text as that one tells its configuration */
export const configureLike = (text: string): Operation<void> =>
  onMany(registerOf.cache, 'configure', ...text.split(','));
