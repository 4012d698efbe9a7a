import { nextPage, type PageStart } from '@syncline/redis';
import type { ListedEntry } from '../../entries/entry.js';
import { library, type OfPart, ofEntry, ofPart } from './library.js';
import { decodeRead, type ReadReply } from './read-reply.js';
import { argumentsOf, type ReaderState } from './reader-state.js';

/** `most`: bytes of the largest value that the reader takes; default: any. */
export interface ReadRequest extends ReaderState {
  readonly most?: number | undefined;
}

/** Reads an entry, and puts the incarnation among its sharers when no write of it is under way. */
export const fill = library.command({
  name: 'fill',
  ...ofPart,
  args: ({ most, ...reader }: OfPart & ReadRequest) => [...argumentsOf(reader), most ?? ''],
  binary: true,
  decode: decodeRead,
});

/** An entry, and the fill lease of its key: null when none is in force. */
export interface Peeked {
  readonly read: ReadReply;
  readonly lease: { readonly leftMs: number; readonly name: string } | null;
}

/** Reads an entry for a reader that may not hold it: all that a Redis which takes no writes can do. */
export const peek = library.command({
  name: 'peek',
  ...ofEntry,
  args: ({ key, incarnation, most }: OfPart & Pick<ReadRequest, 'key' | 'incarnation' | 'most'>) => [
    key,
    incarnation,
    most ?? '',
  ],
  binary: true,
  decode: (reply): Peeked => {
    const [read, leftMs, name] = reply as [unknown, number, Buffer];
    return { read: decodeRead(read), lease: name.length === 0 ? null : { leftMs, name: String(name) } };
  },
});

/** Version of an entry; null when there is none. */
export const versionOf = library.command({
  name: 'version',
  ...ofPart,
  args: ({ key }: OfPart & { key: string }) => [key],
  decode: (reply) => reply as string | null,
});

interface ListRequest extends PageStart {
  readonly prefix: string;
  readonly limit: number;
}

/** Lists entries, in no order. `next`: where the next page begins, null at the end. */
export const listEntries = library.command({
  name: 'list',
  ...ofPart,
  args: ({ prefix, step, after, limit }: OfPart & ListRequest) => [prefix, step, after, limit],
  decode: (reply) => {
    const [step, after, flat] = reply as [string, string, (string | number)[]];
    const entries: ListedEntry[] = [];
    for (let i = 0; i < flat.length; i += 4) {
      const [key, version, bytes, expiresAt] = flat.slice(i, i + 4).map(String) as [
        string,
        string,
        string,
        string,
      ];
      entries.push({
        key,
        version,
        bytes: Number(bytes),
        expiresAt: expiresAt === '0' ? null : Number(expiresAt),
      });
    }
    return { entries, next: nextPage(step, after) };
  },
});
