import type { Redis } from 'ioredis';

/**
 * What is sent on a connection in one turn of the event loop leaves in one packet. The automatic pipelines of ioredis do
 * that too, but hold back what comes while one of them is under way, so Redis and the node would take turns; and on a
 * Redis Cluster they do not follow a slot that moved.
 */
export function gather(redis: Redis): void {
  const send = redis.sendCommand.bind(redis);
  let gathering = false;
  redis.sendCommand = (command, stream) => {
    if (!gathering && redis.status === 'ready') {
      const { stream: socket } = redis;
      gathering = true;
      socket.cork();
      process.nextTick(() => {
        gathering = false;
        socket.uncork();
      });
    }
    return send(command, stream);
  };
}
