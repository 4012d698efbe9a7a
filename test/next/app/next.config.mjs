import { createRequire } from 'node:module';

const { resolve } = createRequire(import.meta.url);
const isFifteen = process.env.NEXT_MAJOR === '15';

export default {
  cacheHandler: resolve('./cache-handler.mjs'),
  cacheMaxMemorySize: 0,
  serverExternalPackages: ['@syncline/next', '@syncline/client', '@syncline/embedded'],
  // Next 15 has another interface for handlers of `use cache`, which is an experiment there.
  ...(isFifteen ? {} : { cacheHandlers: { default: resolve('./component-cache-handler.mjs') } }),
  experimental: { useCache: !isFifteen },
};
