import type { InLife } from './coherence.scripts.js';

/** Who reads. */
export interface Reader extends InLife {
  readonly key: string;
  readonly incarnation: string;
  readonly fill: number;
  /** Bytes that the reader has for this cache. */
  readonly room: number;
  /** It may hold that there is no entry. */
  readonly absences: boolean;
}

/** What a script is told of its reader. */
export const argumentsOf = ({ key, incarnation, fill, room, absences }: Reader): (string | number)[] => [
  key,
  incarnation,
  fill,
  room,
  absences ? '1' : '0',
];
