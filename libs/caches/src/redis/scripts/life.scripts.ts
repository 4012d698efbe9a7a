import { defineScript } from '@syncline/redis';
import { keysOfCache, LIFE_KEY } from '../caches.keys.js';
import type { InLife } from './coherence.scripts.js';

/** The life of Redis; `open` once every lease of the life before is over. */
export const findLife = defineScript({
  file: new URL('./life.lua', import.meta.url),
  keys: () => [LIFE_KEY],
  args: (input: { runId: string; newId: string; durable: boolean; fromOwnDisk: boolean }) => [
    input.runId,
    input.newId,
    input.durable ? '1' : '0',
    input.fromOwnDisk ? '1' : '0',
  ],
  decode: (reply) => {
    const [id, open] = reply as [string, number];
    return { id, open: open === 1 };
  },
});

/** False: another life has begun since. */
export const openLife = defineScript({
  file: new URL('./open-life.lua', import.meta.url),
  keys: () => [LIFE_KEY],
  args: ({ id }: { id: string }) => [id],
  decode: (reply) => reply === 1,
});

/** Brings a cache into the life. */
export const openCache = defineScript({
  file: new URL('./open-cache.lua', import.meta.url),
  keys: keysOfCache,
  life: ({ life }: InLife) => life,
  decode: () => undefined,
});
