const { CACHE_NODES, REDIS_URL } = process.env;

export const options = {
  syncline: CACHE_NODES ? { cache: CACHE_NODES.split(',') } : { redis: REDIS_URL },
};
