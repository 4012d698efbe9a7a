import { type LibraryCommand, LuaLibrary } from '@syncline/redis';
import { shardPrefix } from '../shards.js';

/** What every command is given: it builds its keys from the prefix of the shard. */
export interface InShard {
  readonly shard: number;
}

export const library = new LuaLibrary('syncline_locks', new URL('./', import.meta.url));

/** A command of the lock engine. @param name of its file, without `.lua` */
export const lockCommand = <Input extends InShard, Reply>(
  name: string,
  args: (input: Input) => (string | number)[],
  decode: (reply: unknown, input: Input) => Reply,
): LibraryCommand<Input, Reply> =>
  library.command({ name, keys: ({ shard }) => [shardPrefix(shard)], args, decode });
