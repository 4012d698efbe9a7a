import { LuaLibrary } from '@syncline/redis';

/** The Lua of this engine. */
export const library = new LuaLibrary('syncline_queues', new URL('./', import.meta.url));
