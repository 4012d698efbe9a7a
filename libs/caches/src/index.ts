export { CachesService } from './caches/caches.service.js';
export { CachesModule } from './caches.module.js';
export { BatchesService } from './entries/batches.service.js';
export { type Content, contentOf, contentTextOf } from './entries/content.js';
export { encode, instantOf } from './entries/encoding.js';
export { EntryNotFound, EntryTooLarge } from './entries/entries.errors.js';
export { EntriesService } from './entries/entries.service.js';
export { type Found, type Life, UNCONDITIONAL } from './entries/entry.js';
export { FillsService } from './fills/fills.service.js';
