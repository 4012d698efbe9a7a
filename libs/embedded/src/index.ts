export { type EmbeddedRedis, type EmbedOptions, embed } from './embed.js';
