const urls = (named: string | undefined, ports: readonly number[]): string[] =>
  named?.split(',') ?? ports.map((port) => `http://localhost:${port}`);

/** The nodes that `npm start` brings up, or those that the environment names, separated by commas. */
export const NODES = {
  lock: urls(process.env.LOCK_URLS, [8001, 8002, 8003]),
  queue: urls(process.env.QUEUE_URLS, [8004, 8005, 8006]),
  cache: urls(process.env.CACHE_URLS, [8007, 8008, 8009]),
};
