import { placeOf } from './caches.keys.js';
import { type Register, registerFrom } from './registers.js';

/** Hints as scripts send them: each may be lost, late, or come twice. */
export interface InvalidatedHint {
  readonly to: string;
  readonly number: number;
  readonly stem: string;
  readonly register: string;
}

export interface SettledHint {
  readonly stem: string;
  readonly id: string;
  readonly outcome: readonly string[];
}

export interface FilledHint {
  readonly stem: string;
  readonly key: string;
  readonly lease?: string;
  readonly reason?: string;
}

/** An incarnation is asked to drop a register. Invalidations of an incarnation have numbers without gaps. */
export interface Invalidation {
  readonly incarnation: string;
  readonly number: number;
  readonly cache: string;
  /** Number of it. */
  readonly shard: number;
  readonly register: Register;
}

export const invalidationOf = ({ to, number, stem, register }: InvalidatedHint): Invalidation => ({
  ...{ incarnation: to, number },
  ...placeOf(stem),
  register: registerFrom(register),
});

/** A write that other nodes had to acknowledge was done. */
export interface SettledWrite {
  readonly cache: string;
  readonly id: string;
  readonly outcome: readonly string[];
}

export const settledWriteOf = ({ stem, id, outcome }: SettledHint): SettledWrite => ({
  cache: placeOf(stem).cache,
  ...{ id, outcome },
});

/** The fill lease of a key ended; `failure`: nothing will be stored, by the holder of which lease, and why. */
export interface FillEnd {
  readonly cache: string;
  readonly key: string;
  readonly failure: { readonly lease: string; readonly reason: string } | null;
}

export const fillEndOf = ({ stem, key, lease, reason }: FilledHint): FillEnd => ({
  ...{ cache: placeOf(stem).cache, key },
  failure: lease !== undefined && reason !== undefined ? { lease, reason } : null,
});
