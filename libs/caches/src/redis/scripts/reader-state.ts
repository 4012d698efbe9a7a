/** A reader and its near cache, as a command takes them. */
export interface ReaderState {
  readonly key: string;
  /** '' : it holds nothing. */
  readonly incarnation: string;
  /** Number of its fill. */
  readonly fill: number;
  /** Bytes that it has for this cache. */
  readonly room: number;
  /** It may hold that there is no entry. */
  readonly absences: boolean;
}

export const argumentsOf = ({ key, incarnation, fill, room, absences }: ReaderState): (string | number)[] => [
  key,
  incarnation,
  fill,
  room,
  absences ? '1' : '0',
];
