export type { EmbeddedRedis, EmbedOptions } from '@syncline/client/ports';
export { embed } from './embed.js';
