import { type LibraryCommand, LuaLibrary } from '@syncline/redis';
import { shardPrefix } from '../shards.js';

/** What every command is given: it builds its keys from the prefix of the shard. */
export interface InShard {
  readonly shard: number;
}

/** What every command is given that may grant a lease. `seen`: the largest token of the shard that this node has seen. */
export interface MayGrant extends InShard {
  readonly seen: number;
}

export const library = new LuaLibrary('syncline_locks', new URL('./', import.meta.url));

/** A command of the lock engine that grants nothing. @param name of its file, without `.lua` */
export const lockCommand = <Input extends InShard, Reply>(
  name: string,
  args: (input: Input) => (string | number)[],
  decode: (reply: unknown, input: Input) => Reply,
): LibraryCommand<Input, Reply> =>
  library.command({ name, keys: ({ shard }) => [shardPrefix(shard)], args, decode });

/** A command that may grant leases: most serve the requests that wait. @param args an array of its own for each call */
export const grantingCommand = <Input extends MayGrant, Reply>(
  name: string,
  args: (input: Input) => (string | number)[],
  decode: (reply: unknown, input: Input) => Reply,
): LibraryCommand<Input, Reply> =>
  lockCommand(
    name,
    (input) => {
      const all = args(input);
      all.push(input.seen);
      return all;
    },
    decode,
  );
